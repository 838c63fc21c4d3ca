// @ts-check
import { classesView } from './classes-view.js';
import { el } from './dom.js';
import { mapView } from './map-view.js';
import { objectsView } from './objects-view.js';
import { rawView } from './raw-view.js';

/**
 * What is to be seen of an answer.
 * @typedef {{
 *   headline: string,
 *   detail: string,
 *   body: readonly HTMLElement[],
 *   layers: readonly Element[],
 * }} View `layers` lie over the image
 */

/**
 * By what the answer holds, so that a task with the same fields needs nothing here.
 * @param {import('./service.js').Answer} answer
 * @param {import('./facts.js').Facts} facts
 * @returns {Promise<View>}
 */
export async function viewOf(answer, { skeleton }) {
  const { predictions, classes, mask, outputs } = answer;
  if (predictions !== undefined) {
    const areObjects = answer.task !== 'classification';
    return areObjects ? objectsView(predictions, answer.image, skeleton) : classesView(predictions);
  }
  if (classes !== undefined && mask !== undefined) return mapView(classes, mask.png);
  if (outputs !== undefined) return rawView(outputs);
  const text = JSON.stringify(answer, null, 2);
  const body = [el('pre', { className: 'scroll', tabIndex: 0, textContent: text })];
  return { headline: answer.task, detail: 'An answer that this page has no picture of.', body, layers: [] };
}
