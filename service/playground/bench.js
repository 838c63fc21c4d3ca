// @ts-check
import { viewOf } from './answer-view.js';
import { CodeView } from './code-view.js';
import { byId, el, fill } from './dom.js';
import { canBeDrawnFor } from './facts.js';
import { FeedbackView } from './feedback-view.js';
import { milliseconds } from './format.js';
import { Frame } from './frame.js';
import { latest } from './latest.js';
import { Pad } from './pad.js';
import { Parameters } from './parameters.js';
import { ProblemView } from './problem-view.js';
import { showTiming } from './timing-view.js';
import { vectorsView } from './vectors-view.js';

/**
 * @typedef {import('./answer-view.js').View} View
 * @typedef {import('./service.js').Answer} Answer
 * @typedef {{
 *   onImages(names: readonly string[]): void,
 *   onAnswer(digest: string): void,
 * }} Listener told which images are shown, and of which model an answer came
 * @typedef {{ frame: Frame, radio: HTMLInputElement, image?: Blob | undefined, name?: string | undefined, answer?: Answer | undefined }} Slot
 */

/** How long an answer stands before it is read out, milliseconds. */
const SPOKEN_AFTER_MS = 700;
const EMPTY = 'Choose, drop or paste an image.';

/** One model, and what is asked of it: images in, what is to be seen of the answers out. */
export class Bench {
  #service;
  #facts;
  #listener;
  /** @type {readonly Slot[]} */
  #slots;
  #parameters;
  #pad = new Pad((drawing) => void this.show(drawing, 'drawing.png', { isDrawn: true }));
  #drawButton = byId('draw', HTMLButtonElement);
  #answer = byId('answer', HTMLElement);
  #spoken = byId('spoken', HTMLElement);
  #timing = byId('timing', HTMLElement);
  #problem = new ProblemView(byId('problem', HTMLElement));
  #code = new CodeView(byId('code', HTMLElement));
  #feedback;
  #abort = new AbortController();
  #ask = latest((/** @type {Slot} */ slot) => this.#answerTo(slot));
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {import('./service.js').Service} service
   * @param {import('./facts.js').Facts} facts
   * @param {Listener} listener
   */
  constructor(service, facts, listener) {
    this.#service = service;
    this.#facts = facts;
    this.#listener = listener;
    this.#slots = facts.task === 'embedding' ? [slotOf('Image A'), slotOf('Image B')] : [slotOf('Image')];
    this.#parameters = new Parameters(byId('parameters', HTMLFormElement), facts.parameters, () =>
      this.#askAgain(),
    );
    this.#feedback = new FeedbackView(byId('feedback', HTMLElement), facts.labels, (truth) =>
      service.feedback(truth),
    );
    this.#showStage();
    this.#showCode();
    fill(this.#timing, el('p', { className: 'hint', textContent: 'Nothing was asked yet.' }));
    fill(this.#answer);
    this.#problem.clear();
  }

  /** How many images an answer is about. */
  get imagesWanted() {
    return this.#slots.length;
  }

  /** Nothing of it is heard any more. */
  close() {
    this.#abort.abort();
    clearTimeout(this.#timer);
    this.#problem.clear();
    this.#feedback.clear();
  }

  /** Opens the drawing area. */
  draw() {
    const slot = this.#target;
    slot.image = undefined;
    slot.name = undefined;
    slot.answer = undefined;
    this.#tellImages();
    this.#pad.clear();
    slot.frame.showElement(this.#pad.element, 'Draw here');
    this.#drawButton.setAttribute('aria-pressed', 'true');
  }

  /**
   * Takes another image.
   * @param {Blob} image
   * @param {string} name
   * @param {{ isDrawn?: boolean }} [how]
   */
  async show(image, name, { isDrawn = false } = {}) {
    const slot = this.#target;
    slot.image = image;
    slot.name = name;
    this.#tellImages();
    if (!isDrawn) {
      this.#abort.abort();
      this.#abort = new AbortController();
      this.#drawButton.setAttribute('aria-pressed', 'false');
      this.#feedback.clear();
      await slot.frame.showImage(image, name);
    }
    this.#ask(slot);
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
    for (const slot of this.#slots) if (slot.image !== undefined) this.#ask(slot);
  }

  /** @param {Slot} slot */
  async #answerTo(slot) {
    const { image } = slot;
    const { signal } = this.#abort;
    if (image === undefined || signal.aborted) return;
    this.#answer.setAttribute('aria-busy', 'true');
    try {
      const timed = await this.#service.predict(image, this.#parameters.query, signal);
      if (signal.aborted || slot.image !== image) return;
      await this.#showAnswer(slot, timed);
    } catch (error) {
      if (!signal.aborted) this.#showProblem(slot, error);
    } finally {
      this.#answer.setAttribute('aria-busy', 'false');
    }
  }

  /**
   * @param {Slot} slot
   * @param {import('./service.js').Timed} timed
   */
  async #showAnswer(slot, timed) {
    const { answer } = timed;
    this.#listener.onAnswer(answer.model.digest);
    slot.answer = answer;
    this.#problem.clear();
    const view =
      answer.embedding === undefined
        ? await viewOf(answer)
        : vectorsView(this.#slots.map((each) => each.answer?.embedding));
    slot.frame.drawOver(...view.layers);
    this.#showView(view, timed.roundTripMs);
    showTiming(this.#timing, timed);
    this.#showCode(answer);
    if (this.#facts.takesFeedback) this.#feedback.show(answer);
    this.#chooseEmptySlot(slot);
  }

  /** @param {Slot} filled */
  #chooseEmptySlot(filled) {
    const empty = this.#slots.find(({ image }) => image === undefined);
    (empty ?? filled).radio.checked = true;
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
    this.#feedback.clear();
    fill(this.#answer);
    this.#code.showAnswer(undefined);
    this.#problem.show(error, () => this.#ask(slot));
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
}

/**
 * @param {string} name
 * @returns {Slot}
 */
function slotOf(name) {
  return { frame: new Frame(), radio: el('input', { type: 'radio', name: 'slot', value: name }) };
}
