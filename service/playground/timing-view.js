// @ts-check
import { el, fill } from './dom.js';
import { milliseconds } from './format.js';

/** @typedef {import('./service.js').Stage} Stage */

/** Names of stages that explain themselves better than those of the header. */
const WORDS = new Map([
  ['decode', 'decode'],
  ['queue', 'wait'],
  ['inference', 'model'],
  ['postprocess', 'read the answer'],
]);

/**
 * The stages of one request, one after the other, as parts of one bar.
 * @param {HTMLElement} root
 * @param {import('./service.js').Timed} timed
 */
export function showTiming(root, { answer, stages, roundTripMs }) {
  const parts = partsOf(stages, answer.processing_time_ms, roundTripMs);
  const total = parts.reduce((sum, { ms }) => sum + ms, 0);
  const segments = parts.map(({ kind, ms }) => {
    const segment = el('span', { className: `stage-part is-${kind}` });
    segment.style.flexGrow = String(ms / total);
    return segment;
  });
  const bar = el('div', { className: 'stage-bar', 'aria-hidden': 'true' }, ...segments);
  const entries = parts.map(({ kind, name, ms }) =>
    el(
      'div',
      {},
      el('dt', {}, el('span', { className: `swatch is-${kind}`, 'aria-hidden': 'true' }), name),
      el('dd', { textContent: milliseconds(ms) }),
    ),
  );
  const sum = el(
    'div',
    {},
    el('dt', { textContent: 'in all' }),
    el('dd', { textContent: milliseconds(total) }),
  );
  fill(root, bar, el('dl', { className: 'stages' }, ...entries, sum));
}

/**
 * Stages, and what they leave of the time in the service and of that until the answer was here.
 * @param {readonly Stage[]} stages
 * @param {number} serviceMs
 * @param {number} roundTripMs
 */
export function partsOf(stages, serviceMs, roundTripMs) {
  const staged = stages.reduce((sum, { ms }) => sum + ms, 0);
  const known = stages.map(({ name, ms }) => ({ kind: name, name: WORDS.get(name) ?? name, ms }));
  return [
    ...known,
    { kind: 'service', name: 'rest of the service', ms: Math.max(0, serviceMs - staged) },
    {
      kind: 'network',
      name: 'network and browser',
      ms: Math.max(0, roundTripMs - Math.max(serviceMs, staged)),
    },
  ];
}
