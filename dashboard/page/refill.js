// @ts-check
import { fill } from '../../service/playground/dom.js';

/** @type {WeakMap<Element, string>} */
const shown = new WeakMap();

/**
 * Fills an element anew where the value is another one than before: what has the focus or is selected stays so.
 * @template Value
 * @param {Element} element
 * @param {Value} value
 * @param {(value: Value) => readonly import('../../service/playground/dom.js').Child[]} draw
 */
export function refill(element, value, draw) {
  const text = JSON.stringify(value);
  if (shown.get(element) === text) return;
  shown.set(element, text);
  fill(element, ...draw(value));
}
