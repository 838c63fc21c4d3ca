// @ts-check
import { el, fill } from './dom.js';

/** Sides below which an image is enlarged by repeating its pixels. */
const SMALL_SIDE = 200;

/** An image, and over it what the answer says of it. What is drawn over it is in pixels of the image. */
export class Frame {
  #media = el('div', { className: 'media' });
  #over = el('div', { className: 'over' });
  #caption = el('figcaption');
  /** @type {string | undefined} */
  #url;

  element = el(
    'figure',
    { className: 'frame' },
    el('div', { className: 'canvas' }, this.#media, this.#over),
    this.#caption,
  );

  /**
   * @param {Blob} image
   * @param {string} name
   */
  async showImage(image, name) {
    if (this.#url !== undefined) URL.revokeObjectURL(this.#url);
    const src = URL.createObjectURL(image);
    this.#url = src;
    const picture = el('img', { src, alt: `The image: ${name}` });
    this.clearOver();
    this.#caption.textContent = name;
    await picture.decode().catch(() => undefined);
    if (this.#url !== src) return;
    const { naturalWidth: width, naturalHeight: height } = picture;
    if (width > 0) this.#fit(width, height);
    picture.classList.toggle('is-small', Math.max(width, height) < SMALL_SIDE);
    fill(
      this.#media,
      width > 0
        ? picture
        : el('p', { className: 'blank', textContent: 'This browser cannot show the image.' }),
    );
  }

  /**
   * @param {HTMLElement} element a square
   * @param {HTMLElement} caption
   */
  showElement(element, caption) {
    this.clearOver();
    fill(this.#caption, caption);
    this.#fit(1, 1);
    fill(this.#media, element);
  }

  /** @param {string} hint */
  showEmpty(hint) {
    this.#fit(4, 3);
    fill(this.#media, el('p', { className: 'blank', textContent: hint }));
  }

  /** @param {...Element} layers */
  drawOver(...layers) {
    fill(this.#over, ...layers);
  }

  clearOver() {
    fill(this.#over);
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  #fit(width, height) {
    this.element.style.setProperty('--ratio', String(width / height));
  }
}
