// @ts-check
import { el, fill } from './dom.js';
import { duration, milliseconds } from './format.js';
import { bucketsOf, difference, quantile, readMetrics, sumOf } from './metrics-text.js';

const POLL_MS = 3000;
const LEAST_POLL_MS = 1000;
/** Where there are no metrics there is little to ask for. */
const SLOW_POLL_MS = 15_000;
/** What "now" is. */
const WINDOW_MS = 60_000;
const PREDICT = { route: '/predict', method: 'POST' };

/**
 * @typedef {{ at: number, requests: number, refused: number, buckets: Map<number, number>, queued: number, inFlight: number, startedAt: number }} Look
 */

/** Requests, latency and queue of the service while it is looked at; nothing is asked for while the page is hidden. */
export class LiveView {
  #root;
  #service;
  #facts;
  #onReady;
  /** Of every process that has answered: there may be several behind one address. @type {Look[]} */
  #looks = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #isStopped = false;
  #lookedAt = 0;

  /**
   * @param {HTMLElement} root
   * @param {import('./service.js').Service} service
   * @param {import('./facts.js').Facts} facts
   * @param {(isReady: boolean) => void} onReady
   */
  constructor(root, service, facts, onReady) {
    this.#root = root;
    this.#service = service;
    this.#facts = facts;
    this.#onReady = onReady;
  }

  start() {
    document.addEventListener('visibilitychange', this.#update);
    this.#update();
  }

  /** There is something new to see. */
  wake() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#update, this.#lookedAt + LEAST_POLL_MS - performance.now());
  }

  stop() {
    document.removeEventListener('visibilitychange', this.#update);
    clearTimeout(this.#timer);
    this.#isStopped = true;
  }

  #update = () => {
    clearTimeout(this.#timer);
    if (document.hidden || this.#isStopped) return;
    void this.#look().then((pauseMs) => {
      clearTimeout(this.#timer);
      if (!this.#isStopped) this.#timer = setTimeout(this.#update, pauseMs);
    });
  };

  /** @returns milliseconds until the next look */
  async #look() {
    this.#lookedAt = performance.now();
    const { hasMetrics, hasReadiness } = this.#facts;
    const response = hasMetrics ? await this.#service.peek('metrics') : undefined;
    if (response?.ok === true) {
      const look = lookAt(await response.text());
      this.#onReady(look.isReady);
      this.#looks = [...this.#looks.filter(({ at }) => look.at - at < WINDOW_MS), look];
      this.#show(look);
      return POLL_MS;
    }
    const known = await this.#service.peek(hasReadiness ? 'ready' : 'model');
    this.#onReady(known?.ok === true);
    this.#show(undefined);
    return SLOW_POLL_MS;
  }

  /** @param {Look | undefined} look undefined where metrics are closed or elsewhere */
  #show(look) {
    const { name, version, digest, provider, workers, serviceVersion } = this.#facts;
    const facts = [
      ['model', `${name} ${version}`],
      ['digest', digest.replace(/^(sha256(?:-files)?:.{12}).*$/, '$1…')],
      ['runs on', `${provider}, ${workers === 1 ? 'one thread' : `${workers} threads`}`],
      ['service', serviceVersion],
      ...(look === undefined ? [] : [['up for', duration(Date.now() / 1000 - look.startedAt)]]),
    ];
    fill(
      this.#root,
      look === undefined
        ? el('p', { className: 'hint', textContent: 'Its metrics are not open here.' })
        : el('div', { className: 'tiles' }, ...this.#tiles(look)),
      el(
        'dl',
        { className: 'pairs' },
        ...facts.flatMap(([term, text = '']) => pair(term ?? '', text, digest)),
      ),
    );
  }

  /** @param {Look} look */
  #tiles(look) {
    const [first = look] = this.#looks.filter(({ startedAt }) => startedAt === look.startedAt);
    const seconds = (look.at - first.at) / 1000;
    const perSecond = seconds === 0 ? 0 : (look.requests - first.requests) / seconds;
    const recent = difference(look.buckets, first.buckets);
    const isQuiet = quantile(recent, 0.5) === undefined;
    const buckets = isQuiet ? look.buckets : recent;
    const [median, tail] = [quantile(buckets, 0.5), quantile(buckets, 0.95)];
    const when = isQuiet ? 'since it started' : 'in the last minute';
    return [
      tile('Requests', look.requests.toLocaleString('en'), `${perSecond.toFixed(1)} a second`),
      tile('Latency', median === undefined ? '–' : milliseconds(median * 1000), `median ${when}`),
      tile('95 % within', tail === undefined ? '–' : milliseconds(tail * 1000), when),
      tile('Queue', String(look.queued), `${look.inFlight} in flight, ${look.refused} refused`),
    ];
  }
}

/**
 * @param {string} text
 * @returns {Look & { isReady: boolean }}
 */
function lookAt(text) {
  const lines = readMetrics(text);
  return {
    at: performance.now(),
    isReady: sumOf(lines, 'cv_ready') === 1,
    requests: sumOf(lines, 'cv_http_requests_total', PREDICT),
    refused: sumOf(lines, 'cv_http_requests_total', { ...PREDICT, status: '429' }),
    buckets: bucketsOf(lines, 'cv_http_request_duration_seconds', PREDICT),
    queued: sumOf(lines, 'cv_queue_images'),
    inFlight: sumOf(lines, 'cv_in_flight_images'),
    startedAt: sumOf(lines, 'process_start_time_seconds'),
  };
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string} about
 */
function tile(name, value, about) {
  return el(
    'div',
    { className: 'tile' },
    el('p', { className: 'tile-name', textContent: name }),
    el('p', { className: 'tile-value', textContent: value }),
    el('p', { className: 'hint', textContent: about }),
  );
}

/**
 * @param {string} term
 * @param {string} text
 * @param {string} digest
 */
function pair(term, text, digest) {
  const title = term === 'digest' ? digest : text;
  return [el('dt', { textContent: term }), el('dd', { textContent: text, title })];
}
