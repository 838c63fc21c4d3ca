// @ts-check
import { el, fill } from './dom.js';

/** @typedef {import('./facts.js').Parameter} Parameter */
/** @typedef {{ element: HTMLElement, read(): string[], reset(): void }} Control */

/** A range that a slider of some hundred pixels can set. */
const MAX_SLIDER_STEPS = 100;
/** Labels that are all shown; of more they are typed. */
const MAX_LABELS_SHOWN = 24;

/** Controls for what a request may ask of the model. */
export class Parameters {
  /** @type {ReadonlyMap<string, Control>} */
  #controls;

  /**
   * @param {HTMLFormElement} form
   * @param {readonly Parameter[]} parameters
   * @param {() => void} onChange
   */
  constructor(form, parameters, onChange) {
    this.#controls = new Map(parameters.map((parameter) => [parameter.name, controlOf(parameter)]));
    const reset = el('button', { type: 'button', className: 'quiet', textContent: 'As the model says' });
    const show = () => {
      reset.hidden = this.query.size === 0;
    };
    reset.addEventListener('click', () => {
      for (const control of this.#controls.values()) control.reset();
      show();
      onChange();
    });
    form.oninput = () => {
      show();
      onChange();
    };
    form.onsubmit = (event) => event.preventDefault();
    show();
    const controls = [...this.#controls.values()].map(({ element }) => element);
    const head = el('div', { className: 'row-head' }, el('h3', { textContent: 'Parameters' }), reset);
    fill(form, parameters.length > 0 && head, ...controls);
  }

  /** What differs from what the model says. */
  get query() {
    const query = new URLSearchParams();
    for (const [name, control] of this.#controls)
      for (const value of control.read()) query.append(name, value);
    return query;
  }
}

/**
 * @param {Parameter} parameter
 * @returns {Control}
 */
function controlOf(parameter) {
  if (parameter.kind === 'labels') return labelsControl(parameter);
  if (parameter.kind === 'choice') return choiceControl(parameter);
  return numberControl(parameter);
}

/**
 * @param {Extract<Parameter, { kind: 'number' }>} parameter
 * @returns {Control}
 */
function numberControl({ name, about, min, max, isWhole, initial }) {
  const step = isWhole ? 1 : 0.01;
  const isSlider = (max - min) / step <= MAX_SLIDER_STEPS;
  const start = initial ?? (isSlider ? min : undefined);
  const id = `parameter-${name}`;
  const input = el('input', {
    id,
    type: isSlider ? 'range' : 'number',
    min: String(min),
    max: String(max),
    step: isWhole ? '1' : isSlider ? String(step) : 'any',
    'aria-describedby': `${id}-about`,
  });
  const shown = el('output', { htmlFor: id });
  const show = () => {
    shown.textContent = isSlider ? Number(input.value).toFixed(isWhole ? 0 : 2) : '';
  };
  const reset = () => {
    input.value = start === undefined ? '' : String(start);
    show();
  };
  input.addEventListener('input', show);
  reset();
  const startText = input.value;
  return {
    element: field(name, about, id, input, isSlider && shown),
    read: () => (input.value === startText || input.value === '' ? [] : [input.value]),
    reset,
  };
}

/**
 * @param {Extract<Parameter, { kind: 'choice' }>} parameter
 * @returns {Control}
 */
function choiceControl({ name, about, options }) {
  const id = `parameter-${name}`;
  const select = el(
    'select',
    { id, 'aria-describedby': `${id}-about` },
    el('option', { value: '', textContent: 'as the model says' }),
    ...options.map((value) => el('option', { value, textContent: value })),
  );
  return {
    element: field(name, about, id, select),
    read: () => (select.value === '' ? [] : [select.value]),
    reset: () => {
      select.value = '';
    },
  };
}

/**
 * @param {Extract<Parameter, { kind: 'labels' }>} parameter
 * @returns {Control}
 */
function labelsControl({ name, about, options }) {
  /** @type {Set<string>} */
  const chosen = new Set();
  const list = el('div', { className: 'chips' });
  const legend = el('legend', {}, el('code', { textContent: name }));
  const hint = el('p', { className: 'hint', textContent: about });
  const element = el('fieldset', { className: 'field' }, legend, hint, list);
  const isShort = options.length <= MAX_LABELS_SHOWN;
  const show = () =>
    fill(list, ...[...(isShort ? options : chosen)].map((label) => chip(label, chosen)), !isShort && adder());
  const adder = () =>
    labelInput(name, options, (label) => {
      chosen.add(label);
      show();
      element.dispatchEvent(new Event('input', { bubbles: true }));
    });
  show();
  return {
    element,
    read: () => [...chosen],
    reset: () => {
      chosen.clear();
      show();
    },
  };
}

/**
 * @param {string} label
 * @param {Set<string>} chosen
 */
function chip(label, chosen) {
  const input = el('input', { type: 'checkbox', checked: chosen.has(label), className: 'unseen' });
  input.addEventListener('input', () => (input.checked ? chosen.add(label) : chosen.delete(label)));
  return el('label', { className: 'chip' }, input, el('span', { textContent: label }));
}

/**
 * @param {string} name
 * @param {readonly string[]} options
 * @param {(label: string) => void} onLabel
 */
function labelInput(name, options, onLabel) {
  const id = `labels-${name}`;
  const input = el('input', { type: 'text', placeholder: 'a label', 'aria-label': `Add to ${name}` });
  input.setAttribute('list', id);
  const known = new Set(options);
  input.addEventListener('input', (event) => {
    event.stopPropagation();
    if (known.has(input.value)) onLabel(input.value);
  });
  return el('span', {}, input, el('datalist', { id }, ...options.map((value) => el('option', { value }))));
}

/**
 * @param {string} name
 * @param {string} about
 * @param {string} id
 * @param {...(HTMLElement | false)} controls
 */
function field(name, about, id, ...controls) {
  const label = el('label', { htmlFor: id }, el('code', { textContent: name }));
  const hint = el('p', { className: 'hint', id: `${id}-about`, textContent: about });
  return el('div', { className: 'field' }, label, el('div', { className: 'control' }, ...controls), hint);
}
