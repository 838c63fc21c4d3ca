// @ts-check
import { viewOf } from './answer-view.js';
import { CodeView } from './code-view.js';
import { byId, el, fill } from './dom.js';
import { canBeDrawnFor } from './facts.js';
import { FeedbackView } from './feedback-view.js';
import { milliseconds } from './format.js';
import { Frame } from './frame.js';
import { newest } from './newest.js';
import { Pad } from './pad.js';
import { Parameters } from './parameters.js';
import { showTiming } from './timing-view.js';
import { vectorsView } from './vectors-view.js';

/**
 * @typedef {import('./answer-view.js').View} View
 * @typedef {import('./problem-view.js').ProblemView} ProblemView
 * @typedef {import('./service.js').Answer} Answer
 * @typedef {{
 *   onImages(names: readonly string[]): void,
 *   onAnswer(model: Answer['model']): void,
 * }} Listener told which images are shown, and of which model an answer came
 * @typedef {{ image: Blob, name: string }} GivenImage
 * @typedef {{
 *   frame: Frame,
 *   radio: HTMLInputElement,
 *   abort: AbortController,
 *   ask(): void,
 *   image?: Blob | undefined,
 *   name?: string | undefined,
 *   answer?: Answer | undefined,
 * }} Slot one image and its answer; each is asked about for itself
 */

/** How long an answer stands before it is read out, milliseconds. */
const SPOKEN_AFTER_MS = 700;
const EMPTY = 'Choose, drop or paste an image.';
const NO_ANSWER = 'It appears here as soon as there is an image.';

/** One model, and what is asked of it: images in, what is to be seen of the answers out. */
export class Playground {
  #service;
  #facts;
  #listener;
  /** @type {readonly Slot[]} */
  #slots;
  #parameters;
  #pad = new Pad((drawing) => {
    const slot = this.#drawnIn;
    if (slot === undefined) return;
    if (drawing === undefined) return this.draw(slot);
    this.#put(slot, drawing, 'drawing.png');
    slot.ask();
  });
  /** @type {Slot | undefined} */
  #drawnIn;
  #drawButton = byId('draw', HTMLButtonElement);
  #answer = byId('answer', HTMLElement);
  #spoken = byId('spoken', HTMLElement);
  #timing = byId('timing', HTMLElement);
  #problem;
  #code = new CodeView(byId('code', HTMLElement));
  #feedback;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {import('./service.js').Service} service
   * @param {import('./facts.js').Facts} facts
   * @param {ProblemView} problem
   * @param {Listener} listener
   */
  constructor(service, facts, problem, listener) {
    this.#service = service;
    this.#facts = facts;
    this.#problem = problem;
    this.#listener = listener;
    this.#slots = (facts.task === 'embedding' ? ['Image A', 'Image B'] : ['Image']).map((name) =>
      this.#slotOf(name),
    );
    this.#parameters = new Parameters(byId('parameters', HTMLFormElement), facts.parameters, () =>
      this.#askAgain(),
    );
    this.#feedback = new FeedbackView(byId('feedback', HTMLElement), facts.labels, (truth) =>
      service.feedback(truth),
    );
    this.#showStage();
    this.#showCode();
    this.#showNoTiming();
    this.#showNothing();
  }

  /** How many images an answer is about. */
  get imagesWanted() {
    return this.#slots.length;
  }

  /** @returns {readonly GivenImage[]} those that are shown */
  get images() {
    return this.#slots.flatMap(({ image, name = '' }) => (image === undefined ? [] : [{ image, name }]));
  }

  /** Nothing of it is heard any more. */
  close() {
    for (const { abort } of this.#slots) abort.abort();
    this.#closePad();
    this.#showNothing();
  }

  /** Opens the drawing area, in the place of an image. */
  draw(slot = this.#target) {
    this.#drawnIn = slot;
    this.#pad.clear();
    this.#forget(slot);
    this.#showNothing();
    slot.frame.showElement(this.#pad.element, this.#pad.tools);
    this.#drawButton.setAttribute('aria-pressed', 'true');
  }

  /**
   * Takes another image.
   * @param {Blob} image
   * @param {string} name
   */
  async show(image, name) {
    const slot = this.#target;
    if (slot === this.#drawnIn) this.#closePad();
    this.#forget(slot);
    this.#put(slot, image, name);
    await slot.frame.showImage(image, name);
    slot.ask();
  }

  #closePad() {
    this.#drawnIn = undefined;
    this.#pad.clear();
    this.#drawButton.setAttribute('aria-pressed', 'false');
  }

  /**
   * @param {Slot} slot
   * @param {Blob} image
   * @param {string} name
   */
  #put(slot, image, name) {
    slot.image = image;
    slot.name = name;
    this.#tellImages();
    const empty = this.#slots.find((each) => each.image === undefined);
    (empty ?? slot).radio.checked = true;
  }

  /** @param {Slot} slot */
  #forget(slot) {
    slot.abort.abort();
    slot.abort = new AbortController();
    slot.image = undefined;
    slot.name = undefined;
    slot.answer = undefined;
    this.#tellImages();
    this.#feedback.clear();
  }

  /** No answer. */
  #showNothing() {
    this.#sayNothing();
    this.#problem.clear();
    this.#feedback.clear();
    fill(this.#answer, el('p', { className: 'hint', textContent: NO_ANSWER }));
  }

  #showNoTiming() {
    fill(this.#timing, el('p', { className: 'hint', textContent: 'Nothing is answered yet.' }));
  }

  #tellImages() {
    this.#listener.onImages(this.#slots.flatMap(({ name }) => (name === undefined ? [] : [name])));
  }

  /** Where the next image goes. */
  get #target() {
    const [first] = this.#slots;
    const chosen = this.#slots.find(({ radio }) => radio.checked) ?? first;
    if (chosen === undefined) throw new Error('there is no place for an image');
    return chosen;
  }

  #showStage() {
    const stage = byId('stage', HTMLElement);
    stage.classList.toggle('has-two', this.#slots.length > 1);
    for (const { frame } of this.#slots) frame.showEmpty(EMPTY);
    fill(
      stage,
      ...this.#slots.map(({ frame, radio }) =>
        this.#slots.length === 1
          ? frame.element
          : el('div', { className: 'slot' }, el('label', {}, radio, radio.value), frame.element),
      ),
    );
    const [first] = this.#slots;
    if (first !== undefined) first.radio.checked = true;
    this.#drawButton.hidden = !canBeDrawnFor(this.#facts);
    this.#drawButton.onclick = () => this.draw();
  }

  #askAgain() {
    this.#showCode();
    for (const slot of this.#slots) if (slot.image !== undefined) slot.ask();
  }

  /** @param {Slot} slot */
  async #answerTo(slot) {
    const { image } = slot;
    const { signal } = slot.abort;
    if (image === undefined || signal.aborted) return;
    this.#answer.setAttribute('aria-busy', 'true');
    try {
      const timed = await this.#service.predict(image, this.#parameters.query, signal);
      if (!signal.aborted) await this.#showAnswer(slot, timed, signal);
    } catch (error) {
      if (!signal.aborted) this.#showProblem(slot, error);
    } finally {
      this.#answer.setAttribute('aria-busy', 'false');
    }
  }

  /**
   * @param {Slot} slot
   * @param {import('./service.js').Timed} timed
   * @param {AbortSignal} signal of the image that it is about
   */
  async #showAnswer(slot, timed, signal) {
    const { answer } = timed;
    const { digest } = answer.model;
    slot.answer = answer;
    this.#problem.clear();
    const view =
      answer.embedding === undefined
        ? await viewOf(answer, this.#facts)
        : vectorsView(this.#vectorsOf(digest));
    if (signal.aborted) return;
    this.#listener.onAnswer(answer.model);
    slot.frame.drawOver(...view.layers);
    this.#showView(view, timed.roundTripMs);
    showTiming(this.#timing, timed);
    this.#showCode(answer);
    if (this.#facts.takesFeedback && digest === this.#facts.digest) this.#feedback.show(answer);
    else this.#feedback.clear();
  }

  /**
   * Those of one model: vectors of two have nothing in common.
   * @param {string} digest
   */
  #vectorsOf(digest) {
    return this.#slots.map(({ answer }) => (answer?.model.digest === digest ? answer.embedding : undefined));
  }

  /**
   * @param {View} view
   * @param {number} roundTripMs
   */
  #showView({ headline, detail, body }, roundTripMs) {
    const head = el(
      'div',
      { className: 'headline' },
      el('p', { className: 'headline-text', textContent: headline, title: headline }),
      el('p', { className: 'headline-detail', textContent: detail }),
    );
    fill(this.#answer, head, ...body);
    this.#say(`${headline}. ${detail}. In ${milliseconds(roundTripMs)}.`);
  }

  /**
   * @param {Slot} slot
   * @param {unknown} error
   */
  #showProblem(slot, error) {
    slot.answer = undefined;
    slot.frame.clearOver();
    this.#sayNothing();
    this.#feedback.clear();
    fill(this.#answer);
    this.#code.showAnswer(undefined);
    this.#showNoTiming();
    this.#problem.show(error, () => slot.ask());
  }

  /** @param {Answer} [answer] */
  #showCode(answer) {
    const { name = 'photo.jpg' } = this.#slots.find((slot) => slot.image !== undefined) ?? {};
    const url = new URL('predict', document.baseURI).href;
    const { needsKey } = this.#facts;
    this.#code.showRequest({ url, query: this.#parameters.query, fileName: name, needsKey });
    if (answer !== undefined) this.#code.showAnswer(answer);
  }

  /** @param {string} text once it has stood for a while: sliders and strokes would say it many times over */
  #say(text) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#spoken.textContent = text;
    }, SPOKEN_AFTER_MS);
  }

  #sayNothing() {
    clearTimeout(this.#timer);
    this.#spoken.textContent = '';
  }

  /**
   * @param {string} name
   * @returns {Slot}
   */
  #slotOf(name) {
    /** @type {Slot} */
    const slot = {
      frame: new Frame(),
      radio: el('input', { type: 'radio', name: 'slot', value: name }),
      abort: new AbortController(),
      ask: newest(() => this.#answerTo(slot)),
    };
    return slot;
  }
}
