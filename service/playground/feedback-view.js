// @ts-check
import { el, fill } from './dom.js';

/** @typedef {import('./service.js').Answer} Answer */

/** Of more labels a list to choose from is of no use: they are typed. */
const MAX_CHOICES = 1000;
const NOT_THERE = '';

const SAID = new Map([
  ['correct', 'Kept: the answer was right.'],
  ['wrong', 'Kept: the answer was wrong.'],
  ['unknown', 'Kept; the answer itself is no longer known here.'],
]);

/** Asks whether an answer is right, and tells the service. */
export class FeedbackView {
  #root;
  #send;
  #labels;

  /**
   * @param {HTMLElement} root
   * @param {readonly string[]} labels of the model
   * @param {(truth: object) => Promise<{ verdict: string }>} send
   */
  constructor(root, labels, send) {
    this.#root = root;
    this.#labels = labels;
    this.#send = send;
  }

  clear() {
    fill(this.#root);
  }

  /** @param {Answer} answer */
  show(answer) {
    const { predictions, request_id } = answer;
    const [best] = predictions ?? [];
    if (predictions === undefined) return this.clear();
    const areObjects = answer.task !== 'classification';
    if (!areObjects && best === undefined) return this.clear();
    const right = areObjects
      ? { request_id, objects: predictions.map(({ label, box }) => ({ label, box })) }
      : { request_id, label: best?.label };
    const wrong = areObjects ? this.#objectsForm(answer) : this.#labelForm(answer);
    wrong.hidden = true;
    const yes = el('button', { type: 'button', className: 'button', textContent: 'Yes' });
    const no = el('button', { type: 'button', className: 'button', textContent: 'No' });
    no.setAttribute('aria-expanded', 'false');
    yes.addEventListener('click', () => void this.#give(right));
    no.addEventListener('click', () => {
      wrong.hidden = !wrong.hidden;
      no.setAttribute('aria-expanded', String(!wrong.hidden));
    });
    const question = areObjects ? 'Is this all, and is it right?' : 'Is this right?';
    fill(
      this.#root,
      el('div', { className: 'feedback' }, el('p', { textContent: question }), yes, no),
      wrong,
    );
  }

  /** @param {Answer} answer */
  #labelForm({ request_id, predictions = [] }) {
    const choice = labelChoice(this.#labels, predictions[0]?.label ?? '', 'What it is');
    return this.#form([el('label', { className: 'field' }, 'It is', choice)], () => ({
      request_id,
      label: choice.value,
    }));
  }

  /** @param {Answer} answer */
  #objectsForm({ request_id, predictions = [] }) {
    const choices = predictions.map(({ label }, at) =>
      labelChoice([NOT_THERE, ...this.#labels], label, `Object ${at + 1}`),
    );
    const rows = choices.map((choice, at) =>
      el('label', { className: 'field' }, `${at + 1}: ${predictions[at]?.label}, really`, choice),
    );
    const about = 'Send it only where nothing is missing: what is sent counts as all that there is.';
    const list = el(
      'div',
      { className: 'corrections scroll', tabIndex: 0, role: 'group', 'aria-label': 'Objects' },
      ...rows,
    );
    return this.#form([el('p', { className: 'hint', textContent: about }), list], () => ({
      request_id,
      objects: predictions.flatMap(({ box }, at) => {
        const label = choices[at]?.value ?? NOT_THERE;
        return label === NOT_THERE ? [] : [{ label, box }];
      }),
    }));
  }

  /**
   * @param {HTMLElement[]} fields
   * @param {() => object} truth
   */
  #form(fields, truth) {
    const button = el('button', { className: 'button', textContent: 'Send' });
    const form = el('form', { className: 'correction' }, ...fields, button);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#give(truth());
    });
    return form;
  }

  /** @param {object} truth */
  async #give(truth) {
    const said = el('p', { className: 'hint', role: 'status' });
    fill(this.#root, el('div', { className: 'feedback' }, said));
    try {
      const { verdict } = await this.#send(truth);
      said.textContent = SAID.get(verdict) ?? 'Kept.';
    } catch (error) {
      const again = el('button', { type: 'button', className: 'button', textContent: 'Try again' });
      again.addEventListener('click', () => void this.#give(truth));
      said.textContent = error instanceof Error ? error.message : String(error);
      said.after(again);
    }
  }
}

/**
 * @param {readonly string[]} labels none: anything can be typed
 * @param {string} chosen
 * @param {string} name
 */
function labelChoice(labels, chosen, name) {
  const known = labels.filter((label) => label !== NOT_THERE);
  if (known.length === 0 || known.length > MAX_CHOICES) {
    return el('input', { type: 'text', value: chosen, maxLength: 200, 'aria-label': name });
  }
  const options = labels.map((value) =>
    el('option', {
      value,
      textContent: value === NOT_THERE ? 'not there' : value,
      selected: value === chosen,
    }),
  );
  return el('select', { 'aria-label': name }, ...options);
}
