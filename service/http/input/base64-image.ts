import { ServiceError } from '../../errors.js';
import { CollectedBytes } from './collected-bytes.js';
import { imageTooLarge, missing } from './input-errors.js';
import type { ImageInput } from './input-limits.js';
import type { TextSink } from './json-walker.js';

/** A data URL has said what it carries within so many bytes. */
const MAX_HEAD_BYTES = 256;
/** Text that is decoded in one go. */
const TEXT_BYTES = 8 * 1024;
/** Where it is decoded to, before it is copied to what is kept. */
const DECODED = Buffer.alloc((TEXT_BYTES * 3) / 4 + 1);
const SPACE = 64;
const PADDING = 65;
const WRONG = 66;

/** What each byte means: six bits, or one of the above. Plain and URL-safe (RFC 4648, 4 and 5). */
const MEANINGS = new Uint8Array(256).fill(WRONG);
for (const alphabet of ['+/', '-_']) {
  const letters = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789${alphabet}`;
  for (const [value, letter] of [...letters].entries()) MEANINGS[letter.charCodeAt(0)] = value;
}
for (const space of ' \t\n\v\f\r') MEANINGS[space.charCodeAt(0)] = SPACE;
MEANINGS['='.charCodeAt(0)] = PADDING;

/**
 * Decodes an image from base64 as it arrives: plain, URL-safe or broken into lines, or a data URL. What is wrong with it
 * is found out once and said at the end; nothing of it is kept from there on.
 */
export class Base64Image implements TextSink {
  readonly #maxBytes: number;
  #head: Buffer | undefined = Buffer.alloc(0);
  #collected = new CollectedBytes();
  #bytes: Buffer = Buffer.alloc(0);
  #error: ServiceError | undefined;
  /** Bits that do not make a byte yet. */
  #bits = 0;
  #bitCount = 0;
  #paddings = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  write(bytes: Uint8Array): void {
    const toHead = this.#head === undefined ? 0 : MAX_HEAD_BYTES - this.#head.length;
    if (this.#head !== undefined) this.#head = Buffer.concat([this.#head, bytes.subarray(0, toHead)]);
    if (bytes.length < toHead) return;
    if (this.#head !== undefined) this.#begin(this.#head);
    this.#decode(bytes.subarray(toHead));
  }

  end(): void {
    if (this.#head !== undefined) this.#begin(this.#head);
    if (this.#collected.length === 0) this.#fail(missing('The base64 text is empty.'));
    // Here and not when it is asked for: those of a batch would all be joined at once.
    this.#bytes = this.#collected.join();
    this.#collected = new CollectedBytes();
  }

  /** To be asked after the end. */
  get image(): ImageInput {
    return this.#error === undefined ? { bytes: this.#bytes } : { error: this.#error };
  }

  /** Judges by the first bytes what the text is. */
  #begin(head: Buffer): void {
    this.#head = undefined;
    const text = head.toString('latin1');
    if (/^https?:/i.test(text)) {
      this.#fail(invalid('Images are not fetched from a URL. Send the bytes, as base64.'));
    } else if (text.startsWith('data:')) {
      const [declared = ''] = /^data:[^,]*;base64,/.exec(text) ?? [];
      if (declared === '') this.#fail(invalid('A data URL must carry base64: data:image/png;base64,...'));
      this.#decode(head.subarray(declared.length));
    } else {
      this.#decode(head);
    }
  }

  #decode(bytes: Uint8Array): void {
    for (let start = 0; start < bytes.length && this.#error === undefined; start += TEXT_BYTES)
      this.#decodeSome(bytes.subarray(start, start + TEXT_BYTES));
  }

  #decodeSome(bytes: Uint8Array): void {
    const length = this.#decodeInto(DECODED, bytes);
    if (length === undefined) {
      this.#fail(invalid('The text is not base64.'));
    } else if (this.#collected.length + length > this.#maxBytes) {
      this.#fail(imageTooLarge(this.#maxBytes));
    } else {
      this.#collected.addCopy(DECODED.subarray(0, length));
    }
  }

  /** @returns how many bytes it made; undefined where the text is not base64 */
  #decodeInto(target: Buffer, bytes: Uint8Array): number | undefined {
    let length = 0;
    for (let at = 0; at < bytes.length; ) {
      if (this.#bitCount === 0 && this.#paddings === 0) {
        const from = at;
        at = decodeQuads(target, length, bytes, at);
        length += ((at - from) / 4) * 3;
        if (at === bytes.length) break;
      }
      const meaning = MEANINGS[bytes[at++] ?? 0] ?? WRONG;
      if (meaning === SPACE) continue;
      if (meaning === PADDING) this.#paddings += 1;
      if (meaning === WRONG || this.#paddings > 2) return undefined;
      if (meaning === PADDING) continue;
      if (this.#paddings > 0) return undefined;
      this.#bits = ((this.#bits << 6) | meaning) & 0xffff;
      this.#bitCount += 6;
      if (this.#bitCount < 8) continue;
      this.#bitCount -= 8;
      target[length++] = this.#bits >> this.#bitCount;
    }
    return length;
  }

  #fail(error: ServiceError): void {
    this.#error ??= error;
    this.#collected = new CollectedBytes();
  }
}

/** Four characters to three bytes as far as nothing else stands between them. @returns where it stopped */
function decodeQuads(target: Buffer, offset: number, bytes: Uint8Array, from: number): number {
  let at = from;
  for (let to = offset; at + 4 <= bytes.length; at += 4) {
    const a = MEANINGS[bytes[at] ?? 0] ?? WRONG;
    const b = MEANINGS[bytes[at + 1] ?? 0] ?? WRONG;
    const c = MEANINGS[bytes[at + 2] ?? 0] ?? WRONG;
    const d = MEANINGS[bytes[at + 3] ?? 0] ?? WRONG;
    if ((a | b | c | d) >= SPACE) return at;
    target[to++] = (a << 2) | (b >> 4);
    target[to++] = (b << 4) | (c >> 2);
    target[to++] = (c << 6) | d;
  }
  return at;
}

function invalid(detail: string): ServiceError {
  return new ServiceError('REQUEST_INVALID', detail);
}
