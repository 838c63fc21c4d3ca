import { describe, expect, it } from 'vitest';
import { emptyPng, pngChunk } from '../samples.test-support.js';
import { readPngFacts, withoutExtras } from './png-chunks.js';

const plain = emptyPng(9, 9, 1);
const large = (type: string): Buffer => pngChunk(type, Buffer.alloc(5000, 1));

describe('withoutExtras', () => {
  it('returns an ordinary file as it is', () => {
    const file = emptyPng(9, 9, 1, [pngChunk('tEXt', Buffer.from('Title\0a picture'))]);
    expect(withoutExtras(file)).toBe(file);
  });

  it('drops large text, profiles and all else that is no part of the picture, before and behind the pixels', () => {
    for (const type of ['zTXt', 'iTXt', 'tEXt', 'iCCP', 'prIv']) {
      expect(Buffer.from(withoutExtras(emptyPng(9, 9, 1, [large(type), large(type)]))).equals(plain)).toBe(
        true,
      );
    }
    const behind = Buffer.concat([plain.subarray(0, -12), large('zTXt'), plain.subarray(-12)]);
    expect(Buffer.from(withoutExtras(behind)).equals(plain)).toBe(true);
  });

  it('keeps what a decoder needs or must refuse', () => {
    for (const type of ['tRNS', 'eXIf', 'PLTE', 'PRIV']) {
      const file = emptyPng(9, 9, 1, [large(type)]);
      expect(withoutExtras(file)).toBe(file);
    }
  });

  it('copes with files that end anywhere', () => {
    const file = emptyPng(9, 9, 1, [pngChunk('zTXt', Buffer.alloc(5000))]);
    for (let length = 0; length < file.length; length += 7) {
      expect(withoutExtras(file.subarray(0, length)).length).toBeLessThanOrEqual(length);
    }
  });
});

describe('readPngFacts', () => {
  it('reads the size', () => {
    expect(readPngFacts(emptyPng(31, 7, 1), 100)).toEqual({
      size: { width: 31, height: 7 },
      isComplete: true,
    });
    expect(readPngFacts(plain.subarray(0, 20), 100).size).toBeUndefined();
  });

  it('gives up on too many chunks', () => {
    const many = Array<Buffer>(100_001).fill(pngChunk('tIME', Buffer.alloc(0)));
    expect(readPngFacts(emptyPng(1, 1, 1, many), 1e6).excess).toBeDefined();
    expect(readPngFacts(emptyPng(1, 1, 1, many.slice(0, 99_000)), 1e6).excess).toBeUndefined();
    expect(readPngFacts(emptyPng(1, 1, 1, many), 1000)).toEqual({
      size: { width: 1, height: 1 },
      isComplete: false,
    });
  });
});
