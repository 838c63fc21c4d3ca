import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encoderOf, picture } from '../samples.test-support.js';
import { readJpegHeader } from './jpeg-header.js';

const image = encoderOf(picture(37, 21));

/** Puts a segment behind the first two bytes. */
function withSegment(file: Buffer, marker: number, body: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255]);
  return Buffer.concat([file.subarray(0, 2), head, body, file.subarray(2)]);
}

function exif(orientation: number, type = 3, isLittle = true): Buffer {
  const body = Buffer.alloc(6 + 8 + 2 + 12 + 4);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  body.write('Exif\0\0', 'latin1');
  body.write(isLittle ? 'II' : 'MM', 6, 'latin1');
  view.setUint16(8, 42, isLittle);
  view.setUint32(10, 8, isLittle);
  view.setUint16(14, 1, isLittle);
  view.setUint16(16, 0x0112, isLittle);
  view.setUint16(18, type, isLittle);
  view.setUint32(20, 1, isLittle);
  view.setUint16(24, orientation, isLittle);
  return body;
}

describe('readJpegHeader', () => {
  it('reads size, kind and colour', async () => {
    const header = readJpegHeader(await image.clone().jpeg({ quality: 80 }).toBuffer());
    expect(header).toMatchObject({
      width: 37,
      height: 21,
      isSequential: true,
      precision: 8,
      components: 3,
      orientation: 1,
      isYcc: true,
    });
  });

  it('tells progressive, grey and ink', async () => {
    expect(readJpegHeader(await image.clone().jpeg({ progressive: true }).toBuffer())?.isSequential).toBe(
      false,
    );
    expect(
      readJpegHeader(await image.clone().greyscale().toColourspace('b-w').jpeg().toBuffer())?.components,
    ).toBe(1);
    expect(readJpegHeader(await image.clone().toColourspace('cmyk').jpeg().toBuffer())?.components).toBe(4);
  });

  it('reads the orientation in both byte orders', async () => {
    const file = await image.clone().jpeg().toBuffer();
    for (let orientation = 1; orientation <= 8; orientation++) {
      for (const isLittle of [true, false]) {
        const turned = withSegment(file, 0xe1, exif(orientation, 3, isLittle));
        expect(readJpegHeader(turned)?.orientation).toBe(orientation);
      }
    }
  });

  it('does not guess an orientation from damaged or repeated EXIF', async () => {
    const file = await image.clone().jpeg().toBuffer();
    for (const body of [exif(9), exif(0), exif(6, 4), exif(6).subarray(0, 20), Buffer.from('Exif\0\0II')]) {
      const header = readJpegHeader(withSegment(file, 0xe1, body));
      expect(header).toBeDefined();
      expect(header?.orientation).toBeUndefined();
    }
    const twice = withSegment(withSegment(file, 0xe1, exif(6)), 0xe1, exif(1));
    expect(readJpegHeader(twice)?.orientation).toBeUndefined();
  });

  it('is not sure of the colours where an Adobe segment says RGB', async () => {
    const file = await image.clone().jpeg().toBuffer();
    const adobe = (transform: number): Buffer =>
      Buffer.from([...Buffer.from('Adobe'), 0, 100, 0, 0, 0, 0, transform]);
    expect(readJpegHeader(withSegment(file, 0xee, adobe(0)))?.isYcc).toBe(false);
    expect(readJpegHeader(withSegment(file, 0xee, adobe(1)))?.isYcc).toBe(true);
  });

  it('leaves to others what two readers might take differently', async () => {
    const file = await image.clone().jpeg().toBuffer();
    const frame = file.indexOf(Buffer.from([0xff, 0xc0]));
    const second = Buffer.concat([
      file.subarray(0, frame),
      file.subarray(frame, frame + 19),
      file.subarray(frame),
    ]);
    const gap = Buffer.concat([file.subarray(0, 2), Buffer.from([0]), file.subarray(2)]);
    const noHeight = Buffer.from(file).fill(0, frame + 5, frame + 7);
    const many = Buffer.concat([
      file.subarray(0, 2),
      ...Array(1001).fill(Buffer.from([0xff, 0xfe, 0, 2])),
      file,
    ]);
    for (const odd of [second, gap, noHeight, many, Buffer.alloc(0), Buffer.from([0xff, 0xd8])]) {
      expect(readJpegHeader(odd)).toBeUndefined();
    }
  });

  it('never throws and never reads past the end', async () => {
    const file = withSegment(await image.clone().jpeg().toBuffer(), 0xe1, exif(3));
    const bite = fc.tuple(fc.nat({ max: 700 }), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(fc.array(bite, { maxLength: 8 }), fc.nat({ max: file.length }), (bites, length) => {
        const bytes = Buffer.from(file.subarray(0, length));
        for (const [at, value] of bites) if (at < bytes.length) bytes[at] = value;
        readJpegHeader(bytes);
      }),
      { numRuns: 2000 },
    );
  });
});
