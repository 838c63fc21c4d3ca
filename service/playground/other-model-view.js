// @ts-check
import { el, fill } from './dom.js';

/** Says that an answer is of another model than the page describes: a new one, or one of several behind one address. */
export class OtherModelView {
  #root;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
  }

  clear() {
    fill(this.#root);
  }

  /**
   * @param {import('./service.js').Answer['model']} model
   * @param {() => void} again asks which model there is
   */
  show({ name, version, digest }, again) {
    const text = `${name} ${version} has answered, another model than the one described here.`;
    const button = el('button', {
      type: 'button',
      className: 'button',
      textContent: 'Ask for the model again',
    });
    button.addEventListener('click', again);
    fill(
      this.#root,
      el('div', { className: 'notice' }, el('p', { textContent: text, title: digest }), button),
    );
  }
}
