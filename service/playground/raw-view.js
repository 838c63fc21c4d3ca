// @ts-check
import { el } from './dom.js';
import { counted, value } from './format.js';
import { stripOf } from './strip.js';

const MAX_VALUES_SHOWN = 12;

/**
 * What the model gives, as it gives it: shapes, and what the values are like.
 * @param {readonly import('./service.js').RawOutput[]} outputs
 * @returns {import('./answer-view.js').View}
 */
export function rawView(outputs) {
  const values = outputs.reduce((sum, { data }) => sum + data.length, 0);
  return {
    headline: counted(outputs.length, 'output'),
    detail: counted(values, 'value'),
    body: outputs.map(outputView),
    layers: [],
  };
}

/** @param {import('./service.js').RawOutput} output */
function outputView({ name, type, shape, data }) {
  const numbers = data.filter((each) => typeof each === 'number');
  const first = data.slice(0, MAX_VALUES_SHOWN).map(value).join(', ');
  const more = data.length - MAX_VALUES_SHOWN;
  return el(
    'div',
    { className: 'output' },
    el('h3', {}, el('code', { textContent: name }), ` ${type} [${shape.join(', ')}]`),
    numbers.length > 1 && stripOf(numbers),
    numbers.length > 0 && el('p', { className: 'hint', textContent: summaryOf(numbers) }),
    el('p', { className: 'values', textContent: more > 0 ? `${first}, … ${more} more` : first }),
  );
}

/** @param {readonly number[]} numbers */
function summaryOf(numbers) {
  const mean = numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
  const smallest = numbers.reduce((one, other) => Math.min(one, other));
  const largest = numbers.reduce((one, other) => Math.max(one, other));
  return `smallest ${value(smallest)}, mean ${value(mean)}, largest ${value(largest)}`;
}
