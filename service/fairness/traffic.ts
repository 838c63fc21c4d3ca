/** How an image came: in a request of its own, or in one of many. Neither has to wait for all of the other. */
export type Traffic = 'single' | 'batch';

export function otherThan(traffic: Traffic): Traffic {
  return traffic === 'single' ? 'batch' : 'single';
}
