import type { FileFacts } from './facts.js';

export interface JpegScans extends FileFacts {
  /** Passes over the image: 1 in an ordinary file, some 10 in a progressive one, 20 where an optimiser chose them. */
  readonly scans: number;
}

/** Of what libjpeg reads of a progressive file each costs a walk over the image; libtiff and others stop at 100 too. */
const MAX_SCANS = 100;
/** Of large images fewer, so that no accepted file takes more than a second or two for them. */
const MAX_SCANNED_PIXELS = 1_000_000_000;
/** What an optimiser makes is accepted at any size. */
const ALWAYS_ALLOWED_SCANS = 32;

const [FILL, STUFFED, TEM, RST0, EOI, SOS] = [0xff, 0x00, 0x01, 0xd0, 0xd9, 0xda];
/** DHT, JPG and DAC lie among the frame markers but begin no frame. */
const NOT_FRAMES = new Set([0xc4, 0xc8, 0xcc]);

/**
 * Walks over all markers as libjpeg does, damaged files included, and stops where there are too many scans: their data
 * is passed over byte by byte, some 1 ns each.
 */
export function readJpegScans(bytes: Uint8Array): JpegScans {
  let scans = 0;
  let size: FileFacts['size'];
  for (let at = markerAfter(bytes, 2); at < bytes.length; at = markerAfter(bytes, at)) {
    const marker = bytes[at - 1] ?? 0;
    if (marker === EOI) break;
    if (marker === TEM || (marker >= RST0 && marker < EOI)) continue;
    if (marker === SOS) scans += 1;
    if (marker >= 0xc0 && marker <= 0xcf && !NOT_FRAMES.has(marker)) size ??= frameSize(bytes, at);
    const excess = excessOf(scans, size);
    if (excess !== undefined) return { scans, size, excess };
    at += Math.max(2, ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0));
  }
  return { scans, size };
}

function excessOf(scans: number, size: FileFacts['size']): string | undefined {
  if (scans <= ALWAYS_ALLOWED_SCANS) return undefined;
  const pixels = (size?.width ?? 0) * (size?.height ?? 0);
  const limit = Math.max(ALWAYS_ALLOWED_SCANS, Math.min(MAX_SCANS, Math.floor(MAX_SCANNED_PIXELS / pixels)));
  return scans > limit ? `more than ${limit} scans` : undefined;
}

/** The offset behind the next marker from here on: anything between is passed over. */
function markerAfter(bytes: Uint8Array, from: number): number {
  const { length } = bytes;
  for (let at = from; at < length; at++) {
    if (bytes[at] !== FILL) continue;
    while (at < length && bytes[at] === FILL) at++;
    if (at < length && bytes[at] !== STUFFED) return at + 1;
  }
  return length;
}

function frameSize(bytes: Uint8Array, at: number): FileFacts['size'] {
  if (at + 7 > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 7);
  return { width: view.getUint16(5), height: view.getUint16(3) };
}
