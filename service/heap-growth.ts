import { setFlagsFromString } from 'node:v8';

/** By how much the heap may grow until all of it is collected again, percent of what was left the last time. */
const GROWING_PERCENT = 400;

/**
 * Lets the heaps of all threads grow before they are collected as a whole. V8 counts bodies and pixels, which lie outside,
 * as part of a heap, and a heap as small as that of the service is collected for every 7 MB of them by its own rule.
 */
export function letHeapsGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`);
}
