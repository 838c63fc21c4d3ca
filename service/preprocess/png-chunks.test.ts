import { describe, expect, it } from 'vitest';
import { withoutBaggage } from './png-chunks.js';
import { emptyPng, pngChunk } from './samples.test-support.js';

const plain = emptyPng(9, 9, 1);

describe('withoutBaggage', () => {
  it('returns an ordinary file as it is', () => {
    const file = emptyPng(9, 9, 1, [pngChunk('tEXt', Buffer.from('Title\0a picture'))]);
    expect(withoutBaggage(file)).toBe(file);
  });

  it('drops large text and profiles, before and behind the pixels, and nothing else', () => {
    const large = (type: string): Buffer => pngChunk(type, Buffer.alloc(5000, 1));
    for (const type of ['zTXt', 'iTXt', 'tEXt', 'iCCP']) {
      expect(
        Buffer.from(withoutBaggage(emptyPng(9, 9, 1, [large(type), large(type)])) ?? []).equals(plain),
      ).toBe(true);
    }
    const behind = Buffer.concat([plain.subarray(0, -12), large('zTXt'), plain.subarray(-12)]);
    expect(Buffer.from(withoutBaggage(behind) ?? []).equals(plain)).toBe(true);
    const time = emptyPng(9, 9, 1, [large('prIv')]);
    expect(withoutBaggage(time)).toBe(time);
  });

  it('gives up on too many chunks', () => {
    const many = Array<Buffer>(100_001).fill(pngChunk('tIME', Buffer.alloc(0)));
    expect(withoutBaggage(emptyPng(1, 1, 1, many))).toBeUndefined();
  });

  it('copes with files that end anywhere', () => {
    const file = emptyPng(9, 9, 1, [pngChunk('zTXt', Buffer.alloc(5000))]);
    for (let length = 0; length < file.length; length += 7) {
      expect(withoutBaggage(file.subarray(0, length))?.length).toBeLessThanOrEqual(length);
    }
  });
});
