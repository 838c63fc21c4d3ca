// @ts-check
import { el } from './dom.js';
import { percent, value } from './format.js';

/**
 * Classes with their scores, as bars.
 * @param {readonly import('./service.js').Prediction[]} predictions best first
 * @returns {import('./answer-view.js').View}
 */
export function classesView(predictions) {
  const [best] = predictions;
  if (best === undefined) {
    return { headline: 'Nothing', detail: 'No class reaches the threshold.', body: [], layers: [] };
  }
  const areShares = predictions.every(({ score }) => score >= 0 && score <= 1);
  const show = areShares ? percent : value;
  const largest = areShares ? 1 : Math.max(...predictions.map(({ score }) => Math.abs(score)));
  const bars = predictions.map(({ label, score }) => bar(label, show(score), Math.abs(score) / largest));
  return {
    headline: best.label,
    detail: show(best.score),
    body: [el('ol', { className: 'bars' }, ...bars)],
    layers: [],
  };
}

/**
 * @param {string} label
 * @param {string} shown
 * @param {number} share 0 to 1
 */
export function bar(label, shown, share) {
  const full = el('span', { className: 'bar-full' });
  full.style.width = `${Math.min(1, Math.max(0, share || 0)) * 100}%`;
  return el(
    'li',
    {},
    el('span', { className: 'bar-label', textContent: label, title: label }),
    el('span', { className: 'bar-track', 'aria-hidden': 'true' }, full),
    el('span', { className: 'bar-value', textContent: shown }),
  );
}
