// @ts-check
import { el } from './dom.js';

const SIDE = 320;
const LINE_WIDTH = 26;
/** Between two looks at a drawing while it grows, milliseconds. */
const INTERVAL_MS = 200;

/** A square to draw on, with the finger, a pen or the mouse. */
export class Pad {
  element = el('canvas', {
    width: SIDE,
    height: SIDE,
    className: 'pad',
    role: 'img',
    'aria-label': 'Drawing area: draw with the mouse, a pen or a finger',
  });
  #isLightOnDark = false;
  #isEmpty = true;
  #lookedAt = 0;
  /** How many were begun: an image of one that was cleared is of no use. */
  #drawings = 0;

  /** @param {(drawing: Blob | undefined) => void} onDrawn undefined: there is nothing any more */
  constructor(onDrawn) {
    this.onDrawn = onDrawn;
    const clear = el('button', { type: 'button', className: 'quiet', textContent: 'Clear' });
    clear.addEventListener('click', () => this.onDrawn(undefined));
    const invert = el('button', { type: 'button', className: 'quiet', textContent: 'Light on dark' });
    invert.setAttribute('aria-pressed', 'false');
    invert.addEventListener('click', () => {
      this.#isLightOnDark = !this.#isLightOnDark;
      invert.setAttribute('aria-pressed', String(this.#isLightOnDark));
      this.#invert();
      this.#look();
    });
    this.tools = el('span', { className: 'pad-tools' }, 'Draw here', clear, invert);
    this.#listen();
    this.clear();
  }

  clear() {
    const context = this.#context();
    context.fillStyle = this.#isLightOnDark ? '#000' : '#fff';
    context.fillRect(0, 0, SIDE, SIDE);
    this.#isEmpty = true;
    this.#drawings++;
  }

  #invert() {
    const context = this.#context();
    context.globalCompositeOperation = 'difference';
    context.fillStyle = '#fff';
    context.fillRect(0, 0, SIDE, SIDE);
    context.globalCompositeOperation = 'source-over';
  }

  #listen() {
    const canvas = this.element;
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      canvas.setPointerCapture(event.pointerId);
      this.#begin(event);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (!canvas.hasPointerCapture(event.pointerId)) return;
      for (const each of event.getCoalescedEvents?.() ?? [event]) this.#lineTo(each);
      if (performance.now() - this.#lookedAt > INTERVAL_MS) this.#look();
    });
    canvas.addEventListener('lostpointercapture', () => this.#look());
  }

  /** @param {PointerEvent} event */
  #begin(event) {
    const context = this.#context();
    context.lineWidth = LINE_WIDTH;
    context.lineCap = 'round';
    context.lineJoin = 'round';
    context.strokeStyle = this.#isLightOnDark ? '#fff' : '#000';
    context.beginPath();
    context.moveTo(...this.#place(event));
    this.#lineTo(event);
  }

  /** @param {PointerEvent} event */
  #lineTo(event) {
    const context = this.#context();
    context.lineTo(...this.#place(event));
    context.stroke();
    this.#isEmpty = false;
  }

  /**
   * @param {PointerEvent} event
   * @returns {[number, number]} pixels of the canvas
   */
  #place({ clientX, clientY }) {
    const { left, top, width, height } = this.element.getBoundingClientRect();
    return [((clientX - left) / width) * SIDE, ((clientY - top) / height) * SIDE];
  }

  #look() {
    if (this.#isEmpty) return;
    this.#lookedAt = performance.now();
    const drawing = this.#drawings;
    this.element.toBlob((blob) => blob && drawing === this.#drawings && this.onDrawn(blob));
  }

  #context() {
    const context = this.element.getContext('2d');
    if (context === null) throw new Error('this browser has no 2D canvas');
    return context;
  }
}
