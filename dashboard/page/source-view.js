// @ts-check
import { el } from '../../service/playground/dom.js';
import { badge, clock } from './words.js';

/** @typedef {import('../items.js').SourceState} SourceState */

/** @type {Readonly<Record<SourceState['state'], 'good' | 'bad' | 'neutral'>>} */
const TONES = { connected: 'good', connecting: 'neutral', absent: 'neutral', failed: 'bad' };

/** @param {SourceState} source */
export function sourceLine({ name, state, reason, since }) {
  return el(
    'li',
    { title: reason === '' ? undefined : reason },
    badge(name, TONES[state]),
    ` ${state} since `,
    clock(since),
    reason !== '' && el('span', { className: 'hint', textContent: ` ${reason}` }),
  );
}
