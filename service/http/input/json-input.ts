import { ServiceError } from '../../errors.js';
import { Base64Image } from './base64-image.js';
import { missing, tooMany } from './input-errors.js';
import type { ImageInput, InputLimits } from './input-limits.js';
import { type JsonKind, type JsonListener, JsonWalker, type TextSink } from './json-walker.js';

/**
 * Finds the images of `{"image": "<base64 or data URL>"}` or `{"images": [...]}` while the document arrives; nothing else
 * of it is kept. What is wrong with one image of a batch is its own.
 */
export class JsonImages implements JsonListener {
  readonly #member: 'image' | 'images';
  readonly #limits: InputLimits;
  readonly #walker = new JsonWalker(this);
  readonly #images: (Base64Image | { readonly error: ServiceError })[] = [];
  #isFound = false;
  #isInList = false;

  constructor(member: 'image' | 'images', limits: InputLimits) {
    this.#member = member;
    this.#limits = limits;
  }

  /** Throws REQUEST_INVALID where it is not such a document, BATCH_TOO_LARGE where it has too many images. */
  write(bytes: Uint8Array): void {
    this.#walker.write(bytes);
  }

  /** The document is complete. Throws as `write`, and IMAGE_MISSING where nothing was found. */
  end(): ImageInput[] {
    this.#walker.end();
    if (!this.#isFound) throw missing(`The JSON document has no "${this.#member}".`);
    if (this.#images.length === 0) throw missing(`"${this.#member}" is empty.`);
    return this.#images.map((image) => (image instanceof Base64Image ? image.image : image));
  }

  onMember(name: string): boolean {
    if (name !== this.#member) return false;
    if (this.#isFound) throw invalid(`"${name}" must be given once.`);
    this.#isFound = true;
    return true;
  }

  onValue(kind: JsonKind): TextSink | undefined {
    if (this.#member === 'images' && !this.#isInList) return this.#startList(kind);
    if (this.#member === 'image' && kind !== 'string') throw notText();
    if (this.#images.length === this.#limits.maxBatchImages) throw tooMany(this.#limits);
    const image = kind === 'string' ? new Base64Image(this.#limits.maxImageBytes) : { error: notText() };
    this.#images.push(image);
    return image instanceof Base64Image ? image : undefined;
  }

  #startList(kind: JsonKind): undefined {
    if (kind !== 'array') throw invalid('"images" must be a list of base64 texts.');
    this.#isInList = true;
  }
}

function notText(): ServiceError {
  return invalid('An image in JSON must be a base64 text.');
}

function invalid(detail: string): ServiceError {
  return new ServiceError('REQUEST_INVALID', detail);
}
