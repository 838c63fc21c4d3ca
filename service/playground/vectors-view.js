// @ts-check
import { el } from './dom.js';
import { value } from './format.js';
import { stripOf } from './strip.js';

/**
 * Two images as vectors: how much they are alike.
 * @param {readonly (readonly number[] | undefined)[]} vectors of image A and image B, as far as they are there
 * @returns {import('./answer-view.js').View}
 */
export function vectorsView([one, other]) {
  const body = [
    ...(one === undefined ? [] : [vectorView('A', one)]),
    ...(other === undefined ? [] : [vectorView('B', other)]),
  ];
  if (one === undefined || other === undefined) {
    const only = one ?? other ?? [];
    const detail = 'Choose a second image, to see how much the two are alike.';
    return { headline: `${only.length} dimensions`, detail, body, layers: [] };
  }
  const cosine = cosineOf(one, other);
  return {
    headline: cosine.toFixed(3),
    detail: 'cosine similarity: 1 is the same direction, 0 none in common, −1 the opposite',
    body: [scaleOf(cosine), ...body],
    layers: [],
  };
}

/**
 * @param {readonly number[]} one
 * @param {readonly number[]} other
 */
export function cosineOf(one, other) {
  const dot = one.reduce((sum, each, at) => sum + each * (other[at] ?? 0), 0);
  const lengths = Math.hypot(...one) * Math.hypot(...other);
  return lengths === 0 ? 0 : dot / lengths;
}

/** @param {number} cosine */
function scaleOf(cosine) {
  const mark = el('span', { className: 'scale-mark' });
  mark.style.left = `${((cosine + 1) / 2) * 100}%`;
  return el(
    'div',
    { className: 'scale', 'aria-hidden': 'true' },
    el('div', { className: 'scale-line' }, mark),
    el(
      'div',
      { className: 'scale-ends' },
      el('span', { textContent: '−1' }),
      el('span', { textContent: '0' }),
      el('span', { textContent: '1' }),
    ),
  );
}

/**
 * @param {string} name
 * @param {readonly number[]} vector
 */
function vectorView(name, vector) {
  const length = value(Math.hypot(...vector));
  return el(
    'div',
    { className: 'output' },
    el('h3', { textContent: `Image ${name}: ${vector.length} dimensions, length ${length}` }),
    stripOf(vector),
  );
}
