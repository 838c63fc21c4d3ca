import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  imageToTensor,
  inputFor,
  type PlacementSpec,
  placement,
  roundHalfEven,
  tensorToImage,
} from './geometry.js';
import type { InputSpec } from './image.js';

function specOf(width: number, height: number, resize: Partial<InputSpec['resize']>): PlacementSpec {
  return {
    width,
    height,
    resize: {
      rule: 'stretch',
      filter: 'bilinear',
      shortestEdge: 256,
      padValue: [0],
      position: 'center',
      ...resize,
    },
  };
}

describe('placement', () => {
  it('stretches to the whole tensor', () => {
    expect(placement(specOf(320, 240, {}), 1024, 768)).toEqual({
      resizedWidth: 320,
      resizedHeight: 240,
      cropX: 0,
      cropY: 0,
      drawX: 0,
      drawY: 0,
      drawWidth: 320,
      drawHeight: 240,
    });
  });

  it('covers as torchvision does: the longer edge cut off, halves of the margin rounded to even', () => {
    const spec = specOf(224, 224, { rule: 'cover' });
    expect(placement(spec, 640, 480)).toMatchObject({
      resizedWidth: 341,
      resizedHeight: 256,
      cropX: 58,
      cropY: 16,
    });
    expect(placement(spec, 500, 375)).toMatchObject({ resizedWidth: 341, resizedHeight: 256 });
    expect(placement({ ...spec, width: 225 }, 100, 100)).toMatchObject({ cropX: 16 });
    expect(placement({ ...spec, width: 223 }, 100, 100)).toMatchObject({ cropX: 16 });
  });

  it('covers as Hugging Face does where asked to: halves of the margin rounded down', () => {
    const spec = specOf(224, 224, { rule: 'cover', shortestEdge: 224, position: 'center-floor' });
    const torchvision = specOf(224, 224, { rule: 'cover', shortestEdge: 224 });
    for (const [width, floor, even] of [
      [225, 0, 0],
      [226, 1, 1],
      [227, 1, 2],
      [229, 2, 2],
      [231, 3, 4],
    ] as const) {
      expect(placement(spec, width, 224).cropX).toBe(floor);
      expect(placement(torchvision, width, 224).cropX).toBe(even);
    }
  });

  it('pads with nothing around an image smaller than the crop', () => {
    const spec = specOf(225, 224, { rule: 'cover', shortestEdge: 100 });
    expect(placement(spec, 50, 50)).toMatchObject({
      drawX: 62,
      drawY: 62,
      drawWidth: 100,
      drawHeight: 100,
      cropX: 0,
    });
  });

  it('letterboxes as Ultralytics does: in the middle, the odd pixel at the end', () => {
    const spec = specOf(640, 640, { rule: 'letterbox' });
    expect(placement(spec, 1280, 720)).toMatchObject({
      drawX: 0,
      drawY: 140,
      drawWidth: 640,
      drawHeight: 360,
    });
    expect(placement(spec, 810, 1079)).toMatchObject({
      drawX: 80,
      drawY: 0,
      drawWidth: 480,
      drawHeight: 640,
    });
    expect(placement(spec, 1000, 501)).toMatchObject({ drawHeight: 321, drawY: 159 });
  });

  it('letterboxes at the top left where asked to', () => {
    const spec = specOf(640, 640, { rule: 'letterbox', position: 'top-left' });
    expect(placement(spec, 1280, 720)).toMatchObject({ drawX: 0, drawY: 0, drawHeight: 360 });
  });

  it('leaves a pixel of the thinnest strip', () => {
    const spec = specOf(640, 640, { rule: 'letterbox' });
    expect(placement(spec, 5000, 1)).toMatchObject({ drawWidth: 640, drawHeight: 1 });
  });

  it('always draws inside the tensor and reads inside the resized image', () => {
    const size = fc.integer({ min: 1, max: 3000 });
    const rule = fc.constantFrom('stretch' as const, 'cover' as const, 'letterbox' as const);
    fc.assert(
      fc.property(rule, size, size, size, size, size, (kind, width, height, shortestEdge, w, h) => {
        const at = placement(specOf(width, height, { rule: kind, shortestEdge }), w, h);
        expect(Math.min(at.drawX, at.drawY, at.cropX, at.cropY)).toBeGreaterThanOrEqual(0);
        expect(Math.min(at.drawWidth, at.drawHeight)).toBeGreaterThanOrEqual(1);
        expect(at.drawX + at.drawWidth).toBeLessThanOrEqual(width);
        expect(at.drawY + at.drawHeight).toBeLessThanOrEqual(height);
        expect(at.cropX + at.drawWidth).toBeLessThanOrEqual(at.resizedWidth);
        expect(at.cropY + at.drawHeight).toBeLessThanOrEqual(at.resizedHeight);
      }),
    );
  });
});

const side = fc.integer({ min: 1, max: 20_000 });
const inputs = fc.record({
  width: fc.integer({ min: 1, max: 1024 }),
  height: fc.integer({ min: 1, max: 1024 }),
  resize: fc.record({
    rule: fc.constantFrom('stretch' as const, 'cover' as const, 'letterbox' as const),
    position: fc.constantFrom('center' as const, 'center-floor' as const, 'top-left' as const),
    shortestEdge: fc.integer({ min: 1, max: 1024 }),
    filter: fc.constant('bilinear' as const),
    padValue: fc.constant([0]),
  }),
});

describe('coordinates', () => {
  it('lead back to where they came from, by every rule, for any size and aspect', () => {
    fc.assert(
      fc.property(
        inputs,
        side,
        side,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (spec, width, height, at) => {
          const there = imageToTensor(spec, width, height);
          const back = tensorToImage(spec, width, height);
          const x = (at * width * there.scaleX + there.offsetX) * back.scaleX + back.offsetX;
          const y = (at * height * there.scaleY + there.offsetY) * back.scaleY + back.offsetY;
          expect(Math.abs(x - at * width)).toBeLessThan(1e-6 * width);
          expect(Math.abs(y - at * height)).toBeLessThan(1e-6 * height);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('undo a letterbox of any size and aspect: what is drawn is the image, no side off by more than half a pixel', () => {
    fc.assert(
      fc.property(inputs, side, side, (input, width, height) => {
        const spec = { ...input, resize: { ...input.resize, rule: 'letterbox' as const } };
        const at = placement(spec, width, height);
        const back = tensorToImage(spec, width, height);
        const ratio = Math.min(spec.width / width, spec.height / height);
        expect(back.offsetX + at.drawX * back.scaleX).toBeCloseTo(0, 6);
        expect(back.offsetY + at.drawY * back.scaleY).toBeCloseTo(0, 6);
        expect(back.offsetX + (at.drawX + at.drawWidth) * back.scaleX).toBeCloseTo(width, 6);
        expect(back.offsetY + (at.drawY + at.drawHeight) * back.scaleY).toBeCloseTo(height, 6);
        // A strip thinner than half a pixel is still drawn as one.
        expect(Math.abs(at.drawWidth - Math.max(0.5, width * ratio))).toBeLessThanOrEqual(0.5 + 1e-9);
        expect(Math.abs(at.drawHeight - Math.max(0.5, height * ratio))).toBeLessThanOrEqual(0.5 + 1e-9);
      }),
      { numRuns: 1000 },
    );
  });

  it('are those of the whole image where it was divided by 2, 4 or 8, whatever the remainder', () => {
    const divisors = fc.constantFrom(2, 4, 8);
    fc.assert(
      fc.property(inputs, side, side, divisors, (spec, width, height, divisor) => {
        const divided = placement(spec, width / divisor, height / divisor);
        expect(divided).toEqual(placement(spec, width, height));
      }),
      { numRuns: 1000 },
    );
  });

  it('lead from the image to the tensor and back', () => {
    for (const rule of ['stretch', 'cover', 'letterbox'] as const) {
      const spec = specOf(320, 256, { rule });
      const there = imageToTensor(spec, 1000, 700);
      const back = tensorToImage(spec, 1000, 700);
      const x = 123 * there.scaleX + there.offsetX;
      const y = 456 * there.scaleY + there.offsetY;
      expect(x * back.scaleX + back.offsetX).toBeCloseTo(123, 9);
      expect(y * back.scaleY + back.offsetY).toBeCloseTo(456, 9);
    }
  });

  it('undo a letterbox: its corners are those of the image', () => {
    const back = tensorToImage(specOf(640, 640, { rule: 'letterbox' }), 1280, 720);
    expect(140 * back.scaleY + back.offsetY).toBeCloseTo(0, 9);
    expect(500 * back.scaleY + back.offsetY).toBeCloseTo(720, 9);
    expect(640 * back.scaleX + back.offsetX).toBeCloseTo(1280, 9);
  });
});

describe('roundHalfEven', () => {
  it('rounds as Python does', () => {
    const rounded = [0.5, 1.5, 2.5, -0.5, -1.5, 2.4, 2.6, -2.6].map(roundHalfEven);
    expect(rounded).toEqual([0, 2, 2, 0, -2, 2, 3, -3]);
  });
});

describe('fit', () => {
  const spec = (resize: Partial<InputSpec['resize']>) =>
    specOf(1, 1, { rule: 'fit', ...resize }) as InputSpec;
  const sizeIn = (input: InputSpec, width: number, height: number) => {
    const { width: fittedWidth, height: fittedHeight } = inputFor(input, width, height);
    return [fittedWidth, fittedHeight];
  };
  const detr = spec({ shortestEdge: 800, longestEdge: 1333 });
  const yolos = spec({ shortestEdge: 512, longestEdge: 864, multipleOf: 16 });

  // Made with get_size_with_aspect_ratio of transformers 4.57, DETR's and YOLOS'.
  it.each([
    [640, 480, [1066, 800], [672, 512]],
    [480, 640, [800, 1066], [512, 672]],
    [1920, 1080, [1333, 750], [864, 480]],
    [3000, 500, [1333, 222], [864, 144]],
    [800, 800, [800, 800], [512, 512]],
    [427, 640, [800, 1199], [512, 752]],
    [1333, 800, [1333, 800], [848, 512]],
    [101, 1999, [67, 1333], [32, 864]],
  ])('gives %i x %i the size that DETR and YOLOS give it', (width, height, forDetr, forYolos) => {
    expect(sizeIn(detr, width, height)).toEqual(forDetr);
    expect(sizeIn(yolos, width, height)).toEqual(forYolos);
  });

  it('leaves at least a pixel, or one of the multiples, of a strip', () => {
    expect(sizeIn(detr, 5000, 1)).toEqual([1333, 1]);
    expect(sizeIn(yolos, 5000, 3)).toEqual([864, 16]);
  });

  it('draws the whole image to all of the tensor', () => {
    const own = inputFor(detr, 640, 480);
    expect(placement(own, 640, 480)).toEqual(placement(detr, 640, 480));
    expect(placement(own, 640, 480)).toMatchObject({ cropX: 0, drawX: 0, drawWidth: 1066, drawHeight: 800 });
    expect(inputFor(specOf(4, 4, {}) as InputSpec, 640, 480)).toEqual(specOf(4, 4, {}));
  });
});

describe('center-floor', () => {
  it('pads what is smaller than the crop as Hugging Face does: the odd pixel first', () => {
    const spec = specOf(131, 128, { rule: 'cover', shortestEdge: 100, position: 'center-floor' });
    expect(placement(spec, 97, 203)).toMatchObject({ drawX: 16, drawWidth: 100, cropY: 40 });
  });
});

describe('stretch_to', () => {
  it('stretches to that size and cuts the middle out', () => {
    const spec = specOf(224, 224, { stretchTo: { width: 256, height: 257 }, position: 'center-floor' });
    expect(placement(spec, 640, 480)).toEqual({
      resizedWidth: 256,
      resizedHeight: 257,
      cropX: 16,
      cropY: 16,
      drawX: 0,
      drawY: 0,
      drawWidth: 224,
      drawHeight: 224,
    });
  });
});
