import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ImageInput } from './input-limits.js';
import { JsonImages } from './json-input.js';

const LIMITS = { maxImageBytes: 1000, maxBatchImages: 3, maxBatchBytes: 2000 };

function read(member: 'image' | 'images', document: unknown, pieceBytes = 5): ImageInput[] {
  const images = new JsonImages(member, LIMITS);
  const bytes = Buffer.from(typeof document === 'string' ? document : JSON.stringify(document));
  for (let at = 0; at < bytes.length; at += pieceBytes) images.write(bytes.subarray(at, at + pieceBytes));
  return images.end();
}

function codes(images: readonly ImageInput[]): string[] {
  return images.map((image) => ('error' in image ? image.error.code : image.bytes.toString('latin1')));
}

describe('an image in JSON', () => {
  it('comes out as it went in, whatever its bytes, its spelling and how it arrives', () => {
    const spellings = [
      (bytes: Buffer) => bytes.toString('base64'),
      (bytes: Buffer) => bytes.toString('base64url'),
      (bytes: Buffer) => bytes.toString('base64').replace(/.{1,76}/g, '$&\r\n'),
      (bytes: Buffer) => `data:image/png;base64,${bytes.toString('base64')}`,
      (bytes: Buffer) => `data:image/png;name=a.png;base64,${bytes.toString('base64')}`,
    ];
    const documents = [
      (text: string) => JSON.stringify({ image: text }),
      (text: string) => JSON.stringify({ image: text }).replaceAll('/', '\\/'),
      (text: string) =>
        JSON.stringify({ before: { image: 'no' }, image: text, after: [1] }).replaceAll('+', '\\u002b'),
    ];
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 1000 }),
        fc.constantFrom(...spellings),
        fc.constantFrom(...documents),
        fc.integer({ min: 1, max: 700 }),
        (bytes, spell, write, pieceBytes) => {
          const [image] = read('image', write(spell(Buffer.from(bytes))), pieceBytes);
          expect(image).toEqual({ bytes: Buffer.from(bytes) });
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([
    ['', 'IMAGE_MISSING'],
    ['data:image/png;base64,', 'IMAGE_MISSING'],
    ['A', 'IMAGE_MISSING'],
    ['a!b=', 'REQUEST_INVALID'],
    ['ab=c', 'REQUEST_INVALID'],
    ['abc===', 'REQUEST_INVALID'],
    ['data:image/png,abcd', 'REQUEST_INVALID'],
    ['https://example.org/image.png', 'REQUEST_INVALID'],
    ['żółw', 'REQUEST_INVALID'],
    [Buffer.alloc(1001).toString('base64'), 'IMAGE_TOO_LARGE'],
  ])('that says %s is refused with %s', (image, code) => {
    expect(codes(read('image', { image }))).toEqual([code]);
  });

  it.each([{}, [], 'text', 5, null, [{ image: 'YQ==' }], { images: ['YQ=='] }])(
    'is missing in %j',
    (document) => {
      const text = JSON.stringify(document);
      expect(() => read('image', text)).toThrow(expect.objectContaining({ code: 'IMAGE_MISSING' }));
    },
  );

  it.each([5, null, true, {}, ['YQ=='], { image: 'YQ==' }])('is no text where it is %j', (image) => {
    expect(() => read('image', { image })).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
  });

  it('must not be given twice', () => {
    const twice = '{"image": "YQ==", "image": "Yg=="}';
    expect(() => read('image', twice)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
  });
});

describe('images in JSON', () => {
  it('come out in order, each with its own fault', () => {
    expect(codes(read('images', { images: ['YQ==', 5, 'Yg=='] }))).toEqual(['a', 'REQUEST_INVALID', 'b']);
    const large = Buffer.alloc(1001).toString('base64');
    expect(codes(read('images', { images: [large, 'YQ==', ['YQ==']] }))).toEqual([
      'IMAGE_TOO_LARGE',
      'a',
      'REQUEST_INVALID',
    ]);
  });

  it.each([
    [{ images: [] }, 'IMAGE_MISSING'],
    [{ image: 'YQ==' }, 'IMAGE_MISSING'],
    [{ images: 'YQ==' }, 'REQUEST_INVALID'],
    [{ images: { 0: 'YQ==' } }, 'REQUEST_INVALID'],
    [{ images: ['YQ==', 'YQ==', 'YQ==', 'YQ=='] }, 'BATCH_TOO_LARGE'],
  ])('%j is refused with %s', (document, code) => {
    expect(() => read('images', document)).toThrow(expect.objectContaining({ code }));
  });
});
