// @ts-check
import { el, fill } from '../../service/playground/dom.js';
import { counted } from '../../service/playground/format.js';
import { badge, clock } from './words.js';

/** @typedef {import('../items.js').PodItem} PodItem */

/** Pods as they come and go: a square each, those of the new version with a ring; a table says all of it in words. */
export class PodsView {
  element;
  #summary = el('p', { className: 'pods-summary' });
  #squares = el('div', { className: 'pods', role: 'img' });
  #rows = el('tbody');
  #table;
  /** @type {Map<string, HTMLElement>} */
  #drawn = new Map();
  /** @type {readonly PodItem[]} */
  #pods = [];

  constructor() {
    this.#table = el(
      'details',
      {},
      el('summary', { textContent: 'Each pod' }),
      el(
        'div',
        { className: 'scroll', tabIndex: 0, role: 'region', 'aria-label': 'Pods' },
        el(
          'table',
          {},
          el(
            'thead',
            {},
            el(
              'tr',
              {},
              ...['Pod', 'State', 'Version', 'Restarts', 'Node', 'Since'].map((textContent) =>
                el('th', { scope: 'col', textContent }),
              ),
            ),
          ),
          this.#rows,
        ),
      ),
    );
    this.#table.addEventListener('toggle', () => this.#fillTable());
    this.element = el('div', { className: 'pods-area' }, this.#summary, this.#squares, this.#table);
  }

  /**
   * @param {readonly PodItem[]} pods
   * @param {ReadonlySet<string>} coming versions that come
   */
  show(pods, coming) {
    this.#pods = [...pods].sort((one, other) => one.createdAt.localeCompare(other.createdAt));
    this.element.hidden = pods.length === 0;
    this.#summary.textContent = summaryOf(pods, coming);
    this.#squares.setAttribute('aria-label', this.#summary.textContent);
    this.#drawSquares(coming);
    this.#fillTable();
  }

  /** @param {ReadonlySet<string>} coming */
  #drawSquares(coming) {
    const ids = new Set(this.#pods.map(({ id }) => id));
    for (const [id, square] of this.#drawn) {
      if (ids.has(id)) continue;
      square.remove();
      this.#drawn.delete(id);
    }
    for (const pod of this.#pods) {
      const square = this.#drawn.get(pod.id) ?? el('span');
      square.className = `pod is-${stateOf(pod)}${coming.has(pod.version) ? ' is-coming' : ''}`;
      square.title = `${pod.name}: ${wordsOf(pod)}`;
      if (this.#drawn.has(pod.id)) continue;
      this.#drawn.set(pod.id, square);
      this.#squares.append(square);
    }
  }

  #fillTable() {
    if (!this.#table.open) return;
    fill(this.#rows, ...this.#pods.map(row));
  }
}

/** @param {PodItem} pod */
function row(pod) {
  const { name, version, restarts, node, createdAt } = pod;
  const state = stateOf(pod);
  return el(
    'tr',
    {},
    el('th', { scope: 'row', textContent: name }),
    el('td', {}, badge(wordsOf(pod), state === 'starting' ? 'neutral' : state)),
    ...[version, String(restarts), node].map((textContent) => el('td', { textContent })),
    el('td', {}, clock(createdAt)),
  );
}

/**
 * @param {PodItem} pod
 * @returns {'good' | 'bad' | 'starting'}
 */
function stateOf({ ready, phase }) {
  if (ready) return 'good';
  return /Error|BackOff|Failed|Killed|Invalid/.test(phase) ? 'bad' : 'starting';
}

/** @param {PodItem} pod */
function wordsOf({ ready, phase }) {
  if (ready) return 'ready';
  return phase === 'Running' ? 'not ready' : phase;
}

/**
 * @param {readonly PodItem[]} pods
 * @param {ReadonlySet<string>} coming
 */
function summaryOf(pods, coming) {
  const ready = pods.filter((pod) => pod.ready).length;
  const fresh = pods.filter(({ version }) => coming.has(version)).length;
  const parts = [`${counted(pods.length, 'pod')}, ${ready} ready`];
  if (fresh > 0) parts.push(`${fresh} of the version that comes`);
  const restarts = pods.reduce((sum, pod) => sum + pod.restarts, 0);
  if (restarts > 0) parts.push(counted(restarts, 'restart'));
  return parts.join(', ');
}
