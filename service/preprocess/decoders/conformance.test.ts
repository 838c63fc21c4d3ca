import { describe, expect, it } from 'vitest';
import { testDecoder } from '../decoder.test-support.js';
import { readJpegHeader } from '../headers/jpeg-header.js';
import type { Pixels } from '../image.js';
import {
  bytesOf,
  difference,
  emptyPng,
  encoderOf,
  photograph,
  picture,
  type Sample,
} from '../samples.test-support.js';
import type { DecodeRequest, ImageDecoder } from './image-decoder.js';
import { loadJpegTurbo, loadThreadDecoder } from './jpeg-turbo.js';
import { createSharpDecoder } from './sharp.js';

/** All decoders give the same pixels. */
const TOLERANCE = { mean: 0, p99: 0, max: 0 };

const MAX_PIXELS = 1_000_000;
const sharp = createSharpDecoder(['jpeg'], MAX_PIXELS);
const turbo = loadJpegTurbo();
const threadDecoder = loadThreadDecoder();

/** The decoder of the inference threads, as its caller sees it: the pixels are gone at the next call. */
const onThread: ImageDecoder = {
  name: 'jpeg-turbo on the calling thread',
  accepts: () => true,
  decode: async ({ bytes, header: { width, height }, jpegDivisor }) => {
    const pixels = threadDecoder?.decode({ jpeg: bytes, width, height }, jpegDivisor);
    return { width, height, ...pixels, data: pixels?.data.slice() ?? new ArrayBuffer(0) };
  },
};

/** The composed decoder behind the seam that it is made of. */
const composed: ImageDecoder = {
  name: 'composed',
  accepts: () => true,
  decode: async ({ bytes }) => (await whole.decode(bytes)).pixels,
};
const whole = testDecoder({
  maxPixels: MAX_PIXELS,
  concurrency: 4,
  fastDecoders: 'pool',
  reduce: 'off',
  spec: {
    layout: 'NCHW',
    type: 'float32',
    width: 8,
    height: 8,
    channels: 'rgb',
    resize: { rule: 'stretch', filter: 'nearest', shortestEdge: 8, padValue: [0], position: 'center' },
    accuracy: 'exact',
    scale: 1,
    mean: [0],
    std: [1],
  },
});

function requestOf(bytes: Uint8Array): DecodeRequest {
  const jpeg = readJpegHeader(bytes);
  if (jpeg === undefined) throw new Error('not a plain JPEG');
  const { width, height } = jpeg;
  return {
    bytes,
    format: 'jpeg',
    header: { width, height, isCmyk: false, hasAlpha: false, jpeg },
    reducedTo: undefined,
    jpegDivisor: 1,
  };
}

const SAMPLES: readonly Sample[] = [
  photograph(160, 120),
  photograph(157, 83),
  picture(64, 64),
  picture(1, 1),
  picture(1, 90),
  picture(90, 1),
  picture(7, 9),
];

const ENCODINGS = [
  { quality: 60 },
  { quality: 85 },
  { quality: 90 },
  { quality: 85, chromaSubsampling: '4:4:4' },
  { quality: 80, optimiseCoding: false },
] as const;

async function files(): Promise<Buffer[]> {
  const colour = SAMPLES.flatMap((sample) =>
    ENCODINGS.map((each) => encoderOf(sample).jpeg(each).toBuffer()),
  );
  const grey = SAMPLES.map((sample) =>
    encoderOf(sample).greyscale().toColourspace('b-w').jpeg({ quality: 85 }).toBuffer(),
  );
  return Promise.all([...colour, ...grey]);
}

async function refuses(decoder: ImageDecoder, request: DecodeRequest): Promise<boolean> {
  return decoder.decode(request).then(
    () => false,
    () => true,
  );
}

for (const decoder of [sharp, ...(turbo === undefined ? [] : [turbo, onThread]), composed]) {
  describe(`the decoder ${decoder.name}`, () => {
    it('gives the pixels of an exact decoder, within the tolerance', async () => {
      for (const request of (await files()).map(requestOf)) {
        expect(decoder.accepts(request)).toBe(true);
        const [pixels, exact] = [await decoder.decode(request), await sharp.decode(request)];
        expect([pixels.width, pixels.height]).toEqual([exact.width, exact.height]);
        const apart = difference(bytesOf(pixels), bytesOf(exact));
        expect(apart.mean).toBeLessThanOrEqual(TOLERANCE.mean);
        expect(apart.p99).toBeLessThanOrEqual(TOLERANCE.p99);
        expect(apart.max).toBeLessThanOrEqual(TOLERANCE.max);
      }
    });

    it('reads a file from the middle of a larger buffer', async () => {
      const file = await encoderOf(picture(30, 20)).jpeg().toBuffer();
      const around = Buffer.concat([Buffer.alloc(77, 0xff), file, Buffer.alloc(33, 0xaa)]);
      const inside = new Uint8Array(around.buffer, around.byteOffset + 77, file.length);
      const [pixels, direct] = [
        await decoder.decode(requestOf(inside)),
        await decoder.decode(requestOf(file)),
      ];
      expect(difference(bytesOf(pixels), bytesOf(direct)).max).toBe(0);
    });

    it('refuses a file that ends early, wherever it ends', async () => {
      const file = await encoderOf(photograph(48, 40)).jpeg({ quality: 80 }).toBuffer();
      const request = requestOf(file);
      for (let length = 1; length < file.length - 2; length++) {
        const part = { ...request, bytes: file.subarray(0, length) };
        expect(await refuses(decoder, part), `${length} of ${file.length} bytes`).toBe(true);
      }
    });

    it('refuses a file that ends early where it is decoded at a fraction of its size as well', async () => {
      const file = await encoderOf(photograph(96, 80)).jpeg({ quality: 80 }).toBuffer();
      const reducedTo = { width: 24, height: 20 };
      const request = { ...requestOf(file), jpegDivisor: 4, reducedTo } as const;
      expect(await refuses(decoder, request)).toBe(false);
      for (let length = file.length - 3; length > 700; length -= 31) {
        const part = { ...request, bytes: file.subarray(0, length) };
        expect(await refuses(decoder, part), `${length} of ${file.length} bytes`).toBe(true);
      }
    });

    it('refuses entropy-coded data that was overwritten', async () => {
      const file = await encoderOf(photograph(48, 40)).jpeg({ quality: 80 }).toBuffer();
      const request = requestOf(file);
      const broken = Buffer.from(file).fill(0xff, file.length - 60, file.length - 20);
      expect(await refuses(decoder, { ...request, bytes: broken })).toBe(true);
    });
  });
}

/** The pixels of sharp stay in the process that decodes: what is handed over is what arrives from there. */
describe.each([...(turbo === undefined ? [] : [turbo, onThread]), composed])(
  'the decoder $name',
  (decoder) => {
    it('hands over a buffer of its own that can be transferred', async () => {
      const request = requestOf(await encoderOf(photograph(50, 40)).jpeg().toBuffer());
      const pixels: Pixels = await decoder.decode(request);
      expect(pixels.data.byteLength).toBeGreaterThanOrEqual(50 * 40 * 3);
      const moved = structuredClone(pixels, { transfer: [pixels.data] });
      expect(moved.data.byteLength).toBeGreaterThanOrEqual(50 * 40 * 3);
      expect(pixels.data.byteLength).toBe(0);
    });
  },
);

describe.each([sharp, composed])(
  'the decoder $name, of files that are whole but for a blemish',
  (decoder) => {
    const STRAY = Buffer.from('stray bytes \xff\0', 'latin1');
    const JFIF_9_9 = Buffer.from('\xff\xe0\0\x10JFIF\0\x09\x09\0\0\x01\0\x01\0\0', 'latin1');
    const inserted = (file: Buffer, at: number, bytes = STRAY): Buffer =>
      Buffer.concat([file.subarray(0, at), bytes, file.subarray(at)]);
    const clean = encoderOf(photograph(48, 40)).jpeg({ quality: 80 }).toBuffer();

    it.each<[string, (file: Buffer) => Buffer]>([
      ['stray bytes before a segment', (file) => inserted(file, 4 + file.readUInt16BE(4))],
      ['padding before the end, as old cameras leave it', (file) => inserted(file, file.length - 2)],
      ['bytes after the end', (file) => inserted(file, file.length)],
      ['a JFIF of the future', (file) => inserted(file, 2, JFIF_9_9)],
    ])('reads the same pixels behind %s', async (_, blemished) => {
      const file = await clean;
      const request = requestOf(file);
      const [pixels, exact] = await Promise.all([
        decoder.decode({ ...request, bytes: blemished(file) }),
        decoder.decode(request),
      ]);
      // Between two decoders where the fast one leaves the file to the other.
      expect(difference(bytesOf(pixels), bytesOf(exact)).max).toBeLessThanOrEqual(TOLERANCE.max);
    });

    it('still refuses what ends early or was overwritten behind it', async () => {
      const file = await clean;
      const request = requestOf(file);
      const blemished = inserted(file, 4 + file.readUInt16BE(4));
      for (const length of [200, 400, 600, blemished.length - 3]) {
        expect(await refuses(decoder, { ...request, bytes: blemished.subarray(0, length) })).toBe(true);
      }
    });
  },
);

it('takes from its process every loader that it does not need', async () => {
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
  const header = { width: 9, height: 9, isCmyk: false, hasAlpha: false, jpeg: undefined };
  for (const bytes of [svg, emptyPng(9, 9, 8)]) {
    const request = { bytes, format: 'jpeg', header, reducedTo: undefined, jpegDivisor: 1 } as const;
    expect(await refuses(sharp, request)).toBe(true);
  }
});

describe.skipIf(turbo === undefined)(
  'jpeg-turbo (skipped where the optional binding is not installed)',
  () => {
    const accepts = async (encoded: Promise<Buffer>): Promise<boolean> =>
      turbo?.accepts(requestOf(await encoded)) ?? false;

    it('leaves to sharp what it would not do the same', async () => {
      const image = encoderOf(photograph(80, 60));
      expect(await accepts(image.clone().jpeg({ quality: 85 }).toBuffer())).toBe(true);
      expect(await accepts(image.clone().jpeg({ progressive: true }).toBuffer())).toBe(false);
      expect(await accepts(image.clone().jpeg({ quality: 100 }).toBuffer())).toBe(true);
      expect(await accepts(image.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer())).toBe(false);
      expect(await accepts(image.clone().withMetadata({ orientation: 1 }).jpeg().toBuffer())).toBe(true);
      expect(await accepts(image.clone().toColourspace('cmyk').jpeg().toBuffer())).toBe(false);
    });
  },
);
