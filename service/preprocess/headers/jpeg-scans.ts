import type { FileFacts } from './facts.js';

export interface JpegScans extends FileFacts {
  /** Passes over the image: 1 in an ordinary file, some 10 in a progressive one, 20 where an optimiser chose them. */
  readonly scans: number;
}

/** Each scan costs its decoder a walk over the image, whatever it holds; libtiff and others stop at 100 too. */
const MAX_SCANS = 100;
/** Of large images fewer, so that no accepted file takes more than a second or two for them. */
const MAX_SCANNED_PIXELS = 1_000_000_000;
/** What an optimiser makes is accepted at any size. */
const ALWAYS_ALLOWED_SCANS = 32;

const [FILL, STUFFED, TEM, RST0, EOI, SOS] = [0xff, 0x00, 0x01, 0xd0, 0xd9, 0xda];
/** DHT, JPG and DAC lie among the frame markers but begin no frame. */
const NOT_FRAMES = new Set([0xc4, 0xc8, 0xcc]);

/** Walks over all markers as libjpeg does, damaged files included, and stops where there are too many scans. */
export function readJpegScans(bytes: Uint8Array, maxSteps: number): JpegScans {
  const walk = new MarkerWalk(bytes, maxSteps);
  let scans = 0;
  let size: FileFacts['size'];
  while (walk.next()) {
    const { marker } = walk;
    if (marker === EOI) break;
    if (marker === TEM || (marker >= RST0 && marker < EOI)) continue;
    if (marker === SOS) scans += 1;
    if (marker >= 0xc0 && marker <= 0xcf && !NOT_FRAMES.has(marker)) size ??= walk.frameSize();
    const excess = excessOf(scans, size);
    if (excess !== undefined) return { scans, size, excess, isComplete: true };
    walk.skipSegment();
  }
  return { scans, size, isComplete: !walk.isTired };
}

function excessOf(scans: number, size: FileFacts['size']): string | undefined {
  if (scans <= ALWAYS_ALLOWED_SCANS) return undefined;
  const pixels = Math.max(1, (size?.width ?? 0) * (size?.height ?? 0));
  const limit = Math.max(ALWAYS_ALLOWED_SCANS, Math.min(MAX_SCANS, Math.floor(MAX_SCANNED_PIXELS / pixels)));
  return scans > limit ? `more than ${limit} scans` : undefined;
}

/** From marker to marker; what lies between is passed over. In coded data every 256th byte or so might be one. */
class MarkerWalk {
  marker = 0;
  readonly #bytes: Buffer;
  /** Behind the last marker. */
  #at = 2;
  #stepsLeft: number;

  constructor({ buffer, byteOffset, byteLength }: Uint8Array, maxSteps: number) {
    this.#bytes = Buffer.from(buffer, byteOffset, byteLength);
    this.#stepsLeft = maxSteps;
  }

  get isTired(): boolean {
    return this.#stepsLeft <= 0;
  }

  next(): boolean {
    const bytes = this.#bytes;
    while (this.#stepsLeft-- > 0) {
      const fill = bytes.indexOf(FILL, this.#at);
      if (fill === -1) return false;
      let at = fill + 1;
      while (bytes[at] === FILL && this.#stepsLeft-- > 0) at++;
      const marker = bytes[at];
      if (marker === undefined) return false;
      this.#at = at + 1;
      this.marker = marker;
      if (marker !== STUFFED) return true;
    }
    return false;
  }

  frameSize(): FileFacts['size'] {
    if (this.#at + 7 > this.#bytes.length) return undefined;
    return { width: this.#bytes.readUInt16BE(this.#at + 5), height: this.#bytes.readUInt16BE(this.#at + 3) };
  }

  skipSegment(): void {
    if (this.#at + 2 <= this.#bytes.length) this.#at += Math.max(2, this.#bytes.readUInt16BE(this.#at));
  }
}
