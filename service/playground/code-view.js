// @ts-check
import { el, fill } from './dom.js';
import { LANGUAGES } from './snippets.js';

/** Longest text in the JSON that is shown whole: masks and vectors are cut. */
const MAX_TEXT = 120;
const MAX_NUMBERS = 16;

/** The request as code in some languages, and its answer, as tabs. */
export class CodeView {
  #texts = [...LANGUAGES.map(() => ''), ''];
  #chosen = 0;
  #code = el('code');
  #panel = el('div', { id: 'code-panel', role: 'tabpanel', className: 'code' });
  #copy = el('button', { type: 'button', className: 'quiet copy', textContent: 'Copy' });
  #said = el('span', { className: 'unseen', role: 'status' });
  /** @type {HTMLButtonElement[]} */
  #tabs;

  /** @param {HTMLElement} root */
  constructor(root) {
    const names = [...LANGUAGES.map(({ name }) => name), 'Answer'];
    this.#tabs = names.map((name, at) => {
      const tab = el('button', { type: 'button', id: `tab-${at}`, role: 'tab', textContent: name });
      tab.setAttribute('aria-controls', 'code-panel');
      tab.addEventListener('click', () => this.#choose(at));
      return tab;
    });
    const list = el('div', { role: 'tablist', className: 'tabs', 'aria-label': 'Languages' }, ...this.#tabs);
    list.addEventListener('keydown', (event) => this.#move(event));
    this.#copy.addEventListener('click', () => void this.#copyText());
    fill(this.#panel, el('pre', { className: 'scroll', tabIndex: 0, 'aria-label': 'Code' }, this.#code));
    fill(root, el('div', { className: 'row-head' }, list, this.#copy), this.#panel, this.#said);
    this.#choose(0);
  }

  /** @param {import('./snippets.js').Asked} asked */
  showRequest(asked) {
    for (const [at, { write }] of LANGUAGES.entries()) this.#texts[at] = write(asked);
    this.#show();
  }

  /** @param {object | undefined} answer */
  showAnswer(answer) {
    this.#texts[LANGUAGES.length] = answer === undefined ? '' : JSON.stringify(answer, shortened, 2);
    this.#show();
  }

  /** @param {number} at */
  #choose(at) {
    this.#chosen = at;
    for (const [index, tab] of this.#tabs.entries()) {
      tab.setAttribute('aria-selected', String(index === at));
      tab.tabIndex = index === at ? 0 : -1;
    }
    this.#panel.setAttribute('aria-labelledby', `tab-${at}`);
    this.#show();
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const count = this.#tabs.length;
    const steps = new Map([
      ['ArrowRight', this.#chosen + 1],
      ['ArrowLeft', this.#chosen - 1 + count],
      ['Home', 0],
      ['End', count - 1],
    ]);
    const to = steps.get(event.key);
    if (to === undefined) return;
    event.preventDefault();
    this.#choose(to % count);
    this.#tabs[to % count]?.focus();
  }

  #show() {
    this.#code.textContent = this.#texts[this.#chosen] ?? '';
  }

  async #copyText() {
    const isCopied = await copied(this.#texts[this.#chosen] ?? '', this.#code);
    this.#copy.textContent = isCopied ? 'Copied' : 'Selected';
    this.#said.textContent = isCopied ? 'Copied to the clipboard' : 'Selected, to be copied';
    setTimeout(() => {
      this.#copy.textContent = 'Copy';
      this.#said.textContent = '';
    }, 2000);
  }
}

/**
 * Pages that came over plain HTTP from elsewhere may not write to the clipboard: then the text is selected.
 * @param {string} text
 * @param {HTMLElement} element
 */
async function copied(text, element) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection()?.selectAllChildren(element);
    return false;
  }
}

/**
 * For JSON.stringify.
 * @param {string} _name
 * @param {unknown} value
 */
function shortened(_name, value) {
  if (typeof value === 'string' && value.length > MAX_TEXT) {
    return `${value.slice(0, MAX_TEXT)}… ${value.length - MAX_TEXT} more characters`;
  }
  if (Array.isArray(value) && value.length > MAX_NUMBERS && typeof value[0] === 'number') {
    return [...value.slice(0, MAX_NUMBERS), `… ${value.length - MAX_NUMBERS} more`];
  }
  return value;
}
