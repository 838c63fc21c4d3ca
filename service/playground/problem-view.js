// @ts-check
import { el, fill } from './dom.js';
import { Problem } from './service.js';

/** Too slow, too many, or without a key. */
const MAY_PASS = new Set([401, 408, 429]);

/** Says what went wrong, as a person reads it. */
export class ProblemView {
  #root;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
  }

  clear() {
    clearInterval(this.#timer);
    fill(this.#root);
  }

  /**
   * @param {unknown} thrown
   * @param {() => void} again tries once more
   */
  show(thrown, again) {
    clearInterval(this.#timer);
    const { title, detail, code, status, requestId, retryAfterSeconds } =
      thrown instanceof Problem ? thrown : faultOfThisPage(thrown);
    const button = el('button', { type: 'button', className: 'button', textContent: 'Try again' });
    button.addEventListener('click', again);
    if (retryAfterSeconds !== undefined) this.#countDown(button, retryAfterSeconds);
    fill(
      this.#root,
      el(
        'div',
        { className: 'problem' },
        el(
          'div',
          { role: 'alert' },
          el('p', { className: 'problem-title', textContent: title }),
          el('p', { textContent: detail }),
          el(
            'p',
            { className: 'hint' },
            code !== undefined && el('code', { textContent: code }),
            requestId !== undefined && ` request ${requestId}`,
          ),
        ),
        mayPass(status) && button,
      ),
    );
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {number} seconds
   */
  #countDown(button, seconds) {
    const until = performance.now() + seconds * 1000;
    const show = () => {
      const left = Math.ceil((until - performance.now()) / 1000);
      button.disabled = left > 0;
      button.textContent = left > 0 ? `Try again in ${left} s` : 'Try again';
      if (left <= 0) clearInterval(this.#timer);
    };
    this.#timer = setInterval(show, 250);
    show();
  }
}

/**
 * Whether the same request may have an answer later.
 * @param {number | undefined} status undefined: there was none
 */
function mayPass(status) {
  return status === undefined || status >= 500 || MAY_PASS.has(status);
}

/** @param {unknown} thrown */
function faultOfThisPage(thrown) {
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return new Problem({ title: 'This page failed', detail });
}
