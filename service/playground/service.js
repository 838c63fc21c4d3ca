// @ts-check

/**
 * What the service answers, as far as this page reads it; /openapi.json has all of it.
 * @typedef {{ x_min: number, y_min: number, x_max: number, y_max: number }} Box
 * @typedef {{ name: string, x: number, y: number, score?: number }} Point
 * @typedef {{ box: Box, width: number, height: number, png: string }} Mask
 * @typedef {{ label: string, class_id: number, score: number, box?: Box, points?: Point[], mask?: Mask, area?: number }} Prediction
 * @typedef {{ label: string, class_id: number, share: number }} ClassShare
 * @typedef {{ name: string, type: string, shape: number[], data: unknown[] }} RawOutput
 * @typedef {{
 *   request_id: string,
 *   model: { name: string, version: string, digest: string },
 *   task: string,
 *   image: { width: number, height: number, format: string },
 *   processing_time_ms: number,
 *   predictions?: Prediction[],
 *   classes?: ClassShare[],
 *   mask?: { width: number, height: number, png: string },
 *   embedding?: number[],
 *   outputs?: RawOutput[],
 * }} Answer
 * @typedef {{ answer: Answer, stages: Stage[], roundTripMs: number }} Timed
 * @typedef {{ name: string, ms: number }} Stage
 * @typedef {{ name: string, url: string }} Sample
 */

/** An answer that is none: problem details (RFC 9457), or that there was no answer at all. */
export class Problem extends Error {
  /**
   * @param {{ title: string, detail: string, code?: string, status?: number, requestId?: string, retryAfterSeconds?: number }} given
   */
  constructor({ title, detail, code, status, requestId, retryAfterSeconds }) {
    super(detail);
    this.title = title;
    this.detail = detail;
    this.code = code;
    this.status = status;
    this.requestId = requestId;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/**
 * The service that this page came from.
 * @typedef {{ key: string | undefined, ask(used: string | undefined): Promise<boolean> }} Keys
 */
export class Service {
  /** @param {Keys} keys */
  constructor(keys) {
    this.keys = keys;
  }

  /** @returns {Promise<any>} */
  async model() {
    return (await this.#get('model')).json();
  }

  /** @returns {Promise<any>} */
  async document() {
    return (await this.#get('openapi.json')).json();
  }

  /** @returns {Promise<Sample[]>} */
  async samples() {
    return (await (await this.#get('playground/samples')).json()).samples;
  }

  /** @param {string} url */
  async sample(url) {
    return (await this.#get(url)).blob();
  }

  /**
   * @param {Blob} image
   * @param {URLSearchParams} query
   * @param {AbortSignal} signal
   * @returns {Promise<Timed>}
   */
  async predict(image, query, signal) {
    const path = query.size === 0 ? 'predict' : `predict?${query}`;
    const headers = { accept: 'application/json', 'content-type': 'application/octet-stream' };
    const startedAt = performance.now();
    const response = await this.#send(path, { method: 'POST', headers, body: image, signal });
    const answer = await response.json();
    const roundTripMs = performance.now() - startedAt;
    return { answer, roundTripMs, stages: stagesOf(response.headers.get('server-timing') ?? '') };
  }

  /**
   * @param {object} truth
   * @returns {Promise<{ verdict: string }>}
   */
  async feedback(truth) {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify(truth);
    return (await this.#send('feedback', { method: 'POST', headers, body })).json();
  }

  /**
   * Without asking for a key.
   * @param {string} path
   * @returns {Promise<Response | undefined>} undefined where the service does not answer
   */
  async peek(path) {
    return fetch(path, { headers: this.#headers(this.keys.key) }).catch(() => undefined);
  }

  /** @param {string} path */
  #get(path) {
    return this.#send(path, { headers: { accept: '*/*' } });
  }

  /**
   * Asks for a key where the service does. Throws a Problem.
   * @param {string} path
   * @param {RequestInit & { headers: Record<string, string> }} request
   * @returns {Promise<Response>}
   */
  async #send(path, request) {
    for (;;) {
      const { key } = this.keys;
      const headers = { ...request.headers, ...this.#headers(key) };
      const response = await fetch(path, { ...request, headers }).catch((error) => {
        if (request.signal?.aborted) throw error;
        throw new Problem({
          title: 'No answer',
          detail: 'The service cannot be reached, or has closed the connection.',
        });
      });
      if (response.ok) return response;
      if (response.status !== 401 || !(await this.keys.ask(key))) throw await problemOf(response);
    }
  }

  /**
   * @param {string | undefined} key
   * @returns {Record<string, string>}
   */
  #headers(key) {
    return key === undefined ? {} : { 'x-api-key': key };
  }
}

/** @param {Response} response */
async function problemOf(response) {
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  const given = await response.json().catch(() => ({}));
  return new Problem({
    title: given.title ?? `Status ${response.status}`,
    detail:
      given.detail ?? 'The answer is not one of this service: something between it and this page refuses.',
    code: given.code,
    status: response.status,
    requestId: given.request_id,
    ...(Number.isFinite(retryAfter) && { retryAfterSeconds: retryAfter }),
  });
}

/**
 * The header Server-Timing (W3C).
 * @param {string} header
 * @returns {Stage[]}
 */
export function stagesOf(header) {
  return [...header.matchAll(/([\w-]+)\s*;\s*dur=([\d.]+)/g)].map(([, name = '', ms]) => ({
    name,
    ms: Number(ms),
  }));
}
