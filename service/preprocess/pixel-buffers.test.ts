import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PixelBuffers, sizeClass } from './pixel-buffers.js';

describe('PixelBuffers', () => {
  it('gives a returned buffer to the next image of similar size', () => {
    const buffers = new PixelBuffers(1_000_000);
    const first = buffers.take(100_000);
    buffers.give(first);
    expect(buffers.take(100_100)).toBe(first);
    expect(buffers.take(100_000)).not.toBe(first);
  });

  it('keeps no more than it may', () => {
    const buffers = new PixelBuffers(250_000);
    for (const buffer of [1, 2, 3].map(() => buffers.take(98_304))) buffers.give(buffer);
    expect(buffers.bytes).toBe(2 * 98_304);
  });

  it('leaves alone what it did not make', () => {
    const buffers = new PixelBuffers(1_000_000);
    buffers.give(new ArrayBuffer(100_001));
    buffers.give(new ArrayBuffer(0));
    expect(buffers.bytes).toBe(0);
  });

  it('never hands out less than was asked for, nor an eighth more', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4096, max: 200_000_000 }), (bytes) => {
        const size = sizeClass(bytes);
        return size >= bytes && size <= bytes * 1.125 && sizeClass(size) === size;
      }),
    );
  });
});
