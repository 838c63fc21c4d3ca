// @ts-check
import { byId } from './dom.js';

const STORED = 'cv-inference-api-key';

/** The API key of this tab, and the dialog that asks for it. Nothing of it outlives the tab. */
export class TabKeys {
  #dialog = byId('key-dialog', HTMLDialogElement);
  #input = byId('key-input', HTMLInputElement);
  #button = byId('key-button', HTMLButtonElement);
  /** @type {Promise<boolean> | undefined} */
  #asking;

  constructor() {
    this.#button.addEventListener('click', () => void this.#open('Sent as X-API-Key with every request.'));
    for (const id of ['key-forget', 'key-cancel']) {
      const button = byId(id, HTMLButtonElement);
      button.addEventListener('click', () => this.#dialog.close(button.value));
    }
    this.#show();
  }

  /** @returns {string | undefined} */
  get key() {
    return sessionStorage.getItem(STORED) ?? undefined;
  }

  /**
   * Asks, once for all who ask at the same time.
   * @param {string | undefined} used the key that was refused
   * @returns whether there is another one to try
   */
  async ask(used) {
    if (this.key !== used) return true;
    this.#button.hidden = false;
    const reason = used === undefined ? 'This service asks for an API key.' : 'That key was refused.';
    return this.#open(reason);
  }

  /**
   * @param {string} reason
   * @returns {Promise<boolean>} whether a key was given
   */
  #open(reason) {
    this.#asking ??= this.#askOnce(reason).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** @param {string} reason */
  async #askOnce(reason) {
    byId('key-reason', HTMLElement).textContent = reason;
    byId('key-forget', HTMLButtonElement).hidden = this.key === undefined;
    this.#input.value = '';
    this.#dialog.returnValue = '';
    this.#dialog.showModal();
    this.#input.focus();
    await new Promise((resolve) => this.#dialog.addEventListener('close', resolve, { once: true }));
    const given = this.#input.value.trim();
    this.#input.value = '';
    if (this.#dialog.returnValue === 'forget') sessionStorage.removeItem(STORED);
    const isGiven = this.#dialog.returnValue === 'use' && given !== '';
    if (isGiven) sessionStorage.setItem(STORED, given);
    this.#show();
    return isGiven;
  }

  #show() {
    if (this.key !== undefined) this.#button.hidden = false;
    this.#button.textContent = this.key === undefined ? 'API key' : 'API key set';
  }
}
