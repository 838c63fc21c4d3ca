import { readFileSync } from 'node:fs';
import path from 'node:path';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { ServiceError } from '../errors.js';
import { AVIF_COLOUR, animatedAvif, gridAvif } from '../test/support/avif.js';
import { scanBomb } from '../test/support/scan-bomb.js';
import type { DecoderOptions } from './decode.js';
import { specOf, testDecoder } from './decoder.test-support.js';
import { type DecodedImage, IMAGE_FORMATS } from './image.js';
import {
  bytesOf,
  difference,
  emptyPng,
  encoderOf,
  photograph,
  picture,
  pngChunk,
  type Sample,
  storedFor,
} from './samples.test-support.js';

function decoderOf(change: Partial<DecoderOptions> = {}) {
  return testDecoder({
    formats: new Set(IMAGE_FORMATS),
    maxPixels: 24_000_000,
    spec: specOf('opencv-linear'),
    concurrency: 2,
    fastDecoders: 'pool',
    reduce: 'off',
    ...change,
  });
}

const decoder = decoderOf();

/** The code of the error, or 'decoded'. Anything but a ServiceError fails the test. */
async function outcome(decoding: Promise<DecodedImage>): Promise<string> {
  try {
    await decoding;
    return 'decoded';
  } catch (error) {
    if (error instanceof ServiceError) return error.code;
    throw error;
  }
}

const small = picture(23, 17);

function sameAs(sample: Sample, image: DecodedImage): void {
  expect([image.width, image.height]).toEqual([sample.width, sample.height]);
  expect([image.pixels.width, image.pixels.height]).toEqual([sample.width, sample.height]);
  expect(Buffer.compare(bytesOf(image.pixels), sample.data)).toBe(0);
}

function greyOf(sample: Sample, level: (red: number) => number = (red) => red): Sample {
  const data = sample.data.map((_, index) => level(sample.data[index - (index % 3)] ?? 0));
  return { ...sample, data };
}

describe('every kind of image becomes 8-bit RGB', () => {
  const { width, height } = small;
  const alpha = (channels: 2 | 4, colour: (pixel: number, channel: number) => number) =>
    sharp(
      Uint8Array.from({ length: width * height * channels }, (_, index) => {
        const channel = index % channels;
        return channel === channels - 1 ? index % 256 : colour(Math.trunc(index / channels), channel);
      }),
      { raw: { width, height, channels } },
    );
  const colour = (pixel: number, channel: number): number => small.data[pixel * 3 + channel] ?? 0;

  it('drops alpha without blending', async () => {
    sameAs(small, await decoder.decode(await alpha(4, colour).png().toBuffer()));
    sameAs(greyOf(small), await decoder.decode(await alpha(2, colour).png().toBuffer()));
  });

  it('expands grey to three channels', async () => {
    const grey = small.data.filter((_, index) => index % 3 === 0);
    const png = await sharp(grey, { raw: { width, height, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    sameAs(greyOf(small), await decoder.decode(png));
  });

  it('keeps the upper byte of 16 bits, colour and grey', async () => {
    const data = Uint16Array.from(small.data, (level, index) => level * 256 + (index % 256));
    const deep = sharp(data, { raw: { width, height, channels: 3 } });
    sameAs(small, await decoder.decode(await deep.clone().toColourspace('rgb16').png().toBuffer()));
    const grey = Uint16Array.from({ length: width * height }, (_, pixel) => colour(pixel, 0) * 256 + 255);
    const deepGrey = sharp(grey, { raw: { width, height, channels: 1 } }).toColourspace('grey16');
    sameAs(greyOf(small), await decoder.decode(await deepGrey.png().toBuffer()));
  });

  it('reads palettes, with and without transparency, and interlaced files', async () => {
    const few = { ...small, data: small.data.map((level) => level & 0xc0) };
    const palette = await encoderOf(few).png({ palette: true, dither: 0, effort: 10 }).toBuffer();
    expect((await sharp(palette).metadata()).isPalette).toBe(true);
    sameAs(few, await decoder.decode(palette));
    sameAs(small, await decoder.decode(await encoderOf(small).png({ progressive: true }).toBuffer()));
  });

  it('reads one bit a pixel', async () => {
    const black = { width: 13, height: 5, data: new Uint8Array(13 * 5 * 3) };
    sameAs(black, await decoder.decode(emptyPng(13, 5, 1)));
  });

  it('reads lossless WebP, TIFF and GIF exactly', async () => {
    sameAs(small, await decoder.decode(await encoderOf(small).webp({ lossless: true }).toBuffer()));
    sameAs(small, await decoder.decode(await encoderOf(small).tiff({ compression: 'lzw' }).toBuffer()));
    const few = { ...small, data: small.data.map((level) => level & 0xc0) };
    sameAs(few, await decoder.decode(await encoderOf(few).gif({ dither: 0 }).toBuffer()));
  });

  it('reads AVIF', async () => {
    const image = await decoder.decode(await encoderOf(small).avif({ quality: 90 }).toBuffer());
    expect(image.format).toBe('avif');
    expect(difference(bytesOf(image.pixels), small.data).mean).toBeLessThan(3);
  });

  it('reads progressive JPEG and JPEG of ink', async () => {
    const progressive = await encoderOf(small).jpeg({ progressive: true, quality: 95 }).toBuffer();
    expect(difference(bytesOf((await decoder.decode(progressive)).pixels), small.data).mean).toBeLessThan(3);
    const ink = await encoderOf(small).toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer();
    expect((await sharp(ink).metadata()).space).toBe('cmyk');
    expect(difference(bytesOf((await decoder.decode(ink)).pixels), small.data).mean).toBeLessThan(12);
  });

  it('takes the first frame of an animation and the first page of a document', async () => {
    const frames = Buffer.concat([small.data, small.data.map((level) => 255 - level)]);
    const raw = { width, height: height * 2, channels: 3, pageHeight: height } as const;
    const animation = sharp(frames, { raw });
    sameAs(small, await decoder.decode(await animation.clone().webp({ lossless: true }).toBuffer()));
    sameAs(small, await decoder.decode(await animation.clone().tiff({ compression: 'lzw' }).toBuffer()));
    const gif = await decoder.decode(await animation.clone().gif({ dither: 0, colours: 256 }).toBuffer());
    expect([gif.width, gif.height]).toEqual([width, height]);
    expect(difference(bytesOf(gif.pixels), small.data).mean).toBeLessThan(8);
  });

  it('takes the first frame of an animated AVIF, and puts a picture of tiles together', async () => {
    const expected = [AVIF_COLOUR.r, AVIF_COLOUR.g, AVIF_COLOUR.b];
    const tiles = { tile: 64, rows: 2, columns: 2, width: 128, height: 128 };
    for (const [file, side] of [
      [await animatedAvif(), 64],
      [await gridAvif(tiles), 128],
    ] as const) {
      const { pixels } = await decoder.decode(file);
      expect([pixels.width, pixels.height]).toEqual([side, side]);
      const apart = [...bytesOf(pixels)].map((level, index) => Math.abs(level - (expected[index % 3] ?? 0)));
      expect(Math.max(...apart)).toBeLessThanOrEqual(8);
    }
  });

  it('reads images of one pixel and of one row', async () => {
    for (const [w, h] of [
      [1, 1],
      [1, 300],
      [300, 1],
    ] as const) {
      const sample = picture(w, h);
      sameAs(sample, await decoder.decode(await encoderOf(sample).png().toBuffer()));
      const jpeg = await decoder.decode(await encoderOf(sample).jpeg({ quality: 85 }).toBuffer());
      expect([jpeg.pixels.width, jpeg.pixels.height]).toEqual([w, h]);
      expect(difference(bytesOf(jpeg.pixels), sample.data).mean).toBeLessThan(4);
    }
  });

  it('shows the picture upright for every EXIF orientation', async () => {
    for (let orientation = 1; orientation <= 8; orientation++) {
      const stored = encoderOf(storedFor(orientation, small)).withMetadata({ orientation });
      const jpeg = await decoder.decode(
        await stored.clone().jpeg({ quality: 90, chromaSubsampling: '4:4:4' }).toBuffer(),
      );
      expect([jpeg.width, jpeg.height]).toEqual([small.width, small.height]);
      expect(difference(bytesOf(jpeg.pixels), small.data).mean).toBeLessThan(2.5);
      sameAs(small, await decoder.decode(await stored.clone().webp({ lossless: true }).toBuffer()));
    }
  });
});

it('passes over a tag of a TIFF that is not as the standard has it', async () => {
  const file = await encoderOf(picture(9, 9)).tiff({ compression: 'none' }).toBuffer();
  const [planarConfiguration, pageNumber] = [284, 297];
  const entry = Buffer.from([planarConfiguration & 255, planarConfiguration >> 8, 3, 0, 1, 0, 0, 0]);
  file.writeUInt16LE(pageNumber, file.indexOf(entry));
  await expect(sharp(file, { failOn: 'warning' }).raw().toBuffer()).rejects.toThrow();
  const { pixels } = await decoder.decode(file);
  expect(bytesOf(pixels)).toEqual(picture(9, 9).data);
});

describe('what is refused', () => {
  it('IMAGE_TYPE_UNSUPPORTED for what is no image, or none that is enabled', async () => {
    const gif = await encoderOf(small).gif().toBuffer();
    const pngOnly = decoderOf({ formats: new Set(['png']) });
    expect(await outcome(pngOnly.decode(gif))).toBe('IMAGE_TYPE_UNSUPPORTED');
    const svg = Buffer.from(
      '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    );
    for (const bytes of [svg, Buffer.from('%PDF-1.7'), Buffer.from('hello'), Buffer.from([0xff])]) {
      expect(await outcome(decoder.decode(bytes))).toBe('IMAGE_TYPE_UNSUPPORTED');
    }
  });

  it('IMAGE_UNDECODABLE for nothing, for a header alone and for text behind a magic number', async () => {
    const heads = ['', '\xff\xd8\xff', '\x89PNG\r\n\x1a\n', 'GIF89a', 'II*\0', 'RIFF\x04\0\0\0WEBP'];
    for (const head of [...heads, ...heads.slice(1).map((each) => each + 'x'.repeat(200))]) {
      expect(await outcome(decoder.decode(Buffer.from(head, 'latin1')))).toBe('IMAGE_UNDECODABLE');
    }
  });

  it('IMAGE_DIMENSIONS_EXCEEDED one pixel above the limit, and not at it', async () => {
    const exact = decoderOf({ maxPixels: 23 * 17 });
    const tooMany = decoderOf({ maxPixels: 23 * 17 - 1 });
    for (const format of ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const) {
      const bytes = await encoderOf(small).toFormat(format).toBuffer();
      expect(await outcome(exact.decode(bytes))).toBe('decoded');
      expect(await outcome(tooMany.decode(bytes))).toBe('IMAGE_DIMENSIONS_EXCEEDED');
    }
  });

  it('IMAGE_DIMENSIONS_EXCEEDED for a bomb, by its header, without its memory', async () => {
    // 400 megapixels: 1.2 GB as RGB.
    const bomb = emptyPng(20_000, 20_000, 1);
    expect(bomb.length).toBeLessThan(60_000);
    const before = process.memoryUsage().rss;
    expect(await outcome(decoder.decode(bomb))).toBe('IMAGE_DIMENSIONS_EXCEEDED');
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  });

  it('IMAGE_DIMENSIONS_EXCEEDED for a strip longer than any photograph', async () => {
    expect(await outcome(decoder.decode(emptyPng(1, 70_000, 1)))).toBe('IMAGE_DIMENSIONS_EXCEEDED');
  });

  it('IMAGE_UNDECODABLE for what is multiplied by a small file, before it is paid for', async () => {
    const startedAt = performance.now();
    // Decoded, the first takes 60 s of a core, the second 17.
    const scans = scanBomb({ width: 4800, height: 4800, scans: 3000 });
    expect(scans.length).toBeLessThan(200_000);
    const tiles = await gridAvif({ tile: 2000, rows: 16, columns: 16, width: 2000, height: 2000 });
    expect(tiles.length).toBeLessThan(5000);
    for (const bomb of [scans, tiles]) {
      expect(() => decoder.decoder.inspect(bomb)).toThrow(ServiceError);
      expect(await outcome(decoder.decode(bomb))).toBe('IMAGE_UNDECODABLE');
    }
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  it('does not unpack what is compressed beside the pixels', async () => {
    const packed = deflateSync(Buffer.alloc(64 * 1024 * 1024), { level: 9 });
    const text = pngChunk('zTXt', Buffer.concat([Buffer.from('Comment\0\0', 'latin1'), packed]));
    const startedAt = performance.now();
    const profile = pngChunk('iCCP', Buffer.concat([Buffer.from('icc\0\0', 'latin1'), packed]));
    const before = process.memoryUsage().rss;
    for (const bomb of [
      emptyPng(9, 9, 1, [text]),
      emptyPng(9, 9, 1, [profile]),
      emptyPng(9, 9, 1, Array(500).fill(text)),
    ]) {
      expect(await outcome(decoder.decode(bomb))).toBe('decoded');
    }
    // Unpacked, it would be more than 30 GB and 10 s.
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * 1024 * 1024);
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });

  it('refuses a file that ends early, whichever decoder would take it', async () => {
    const jpeg = await encoderOf(picture(40, 30)).jpeg({ quality: 80 }).toBuffer();
    const alone = decoderOf({ fastDecoders: 'off' });
    for (let length = 1; length < jpeg.length; length++) {
      const part = jpeg.subarray(0, length);
      const [composed, reference] = [await outcome(decoder.decode(part)), await outcome(alone.decode(part))];
      expect(composed, `${length} of ${jpeg.length} bytes`).toBe(reference);
      if (length < jpeg.length - 2) expect(composed).not.toBe('decoded');
    }
  });

  it('refuses PNG and WebP that end early', async () => {
    for (const format of ['png', 'webp'] as const) {
      const bytes = await encoderOf(picture(40, 30)).toFormat(format).toBuffer();
      for (const share of [0.3, 0.6, 0.9]) {
        const part = bytes.subarray(0, Math.trunc(bytes.length * share));
        expect(await outcome(decoder.decode(part))).toBe('IMAGE_UNDECODABLE');
      }
    }
  });

  it('answers any damage with pixels or with a code', async () => {
    const files = await Promise.all(
      (['jpeg', 'png', 'webp', 'gif', 'tiff'] as const).map((format) =>
        encoderOf(small).toFormat(format).toBuffer(),
      ),
    );
    const damage = fc.array(
      fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 255 })),
      {
        maxLength: 6,
      },
    );
    const allowed = /^(decoded|IMAGE_UNDECODABLE|IMAGE_TYPE_UNSUPPORTED|IMAGE_DIMENSIONS_EXCEEDED)$/;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        damage,
        fc.double({ min: 0.2, max: 1.5, noNaN: true }),
        async (file, bites, keep) => {
          const bytes = Buffer.from(file.subarray(0, Math.ceil(file.length * keep)));
          for (const [where, value] of bites) bytes[Math.trunc(where * (bytes.length - 1))] = value;
          expect(await outcome(decoder.decode(bytes))).toMatch(allowed);
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe('what is left to the thread that runs the model', () => {
  const leaving = decoderOf({ fastDecoders: 'thread', maxPixels: 10_000 });
  const isLeft = async (file: Promise<Buffer>): Promise<boolean> =>
    'jpeg' in (await leaving.prepare(await file)).image;
  const encoder = encoderOf(photograph(80, 60));

  it.skipIf(!leaving.decoder.decoders.includes('jpeg-turbo'))(
    'is the plain JPEG, as it is (skipped without the optional binding)',
    async () => {
      const file = await encoder.clone().jpeg({ quality: 85 }).toBuffer();
      const image = { jpeg: file, width: 80, height: 60 };
      expect(await leaving.prepare(file)).toEqual({ image, format: 'jpeg', width: 80, height: 60 });
      expect((await leaving.decode(file)).pixels.width).toBe(80);
    },
  );

  it('is nothing else', async () => {
    expect(await isLeft(encoder.clone().png().toBuffer())).toBe(false);
    expect(await isLeft(encoder.clone().jpeg({ progressive: true }).toBuffer())).toBe(false);
    expect(await isLeft(encoder.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer())).toBe(false);
    const onPool = await decoder.prepare(await encoder.clone().jpeg({ quality: 85 }).toBuffer());
    expect('jpeg' in onPool.image).toBe(false);
  });

  it('has passed all limits, and nobody has left', async () => {
    const large = await encoderOf(picture(101, 100)).jpeg({ quality: 85 }).toBuffer();
    await expect(leaving.prepare(large)).rejects.toMatchObject({ code: 'IMAGE_DIMENSIONS_EXCEEDED' });
    const reason = new Error('gone');
    const file = await encoder.clone().jpeg({ quality: 85 }).toBuffer();
    await expect(leaving.prepare(file, AbortSignal.abort(reason))).rejects.toBe(reason);
    const pngOnly = decoderOf({ fastDecoders: 'thread', formats: new Set(['png']) });
    await expect(pngOnly.prepare(file)).rejects.toMatchObject({ code: 'IMAGE_TYPE_UNSUPPORTED' });
  });
});

describe('a decoder', () => {
  it('rejects with the reason of a signal that has aborted, and starts nothing', async () => {
    const reason = new Error('gone');
    const bytes = await encoderOf(small).png().toBuffer();
    await expect(decoder.decode(bytes, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect([decoder.decoder.active, decoder.decoder.waiting]).toEqual([0, 0]);
  });

  it('drops who leaves while waiting and counts what is under way', async () => {
    const one = decoderOf({ concurrency: 1 });
    const bytes = await encoderOf(small).png().toBuffer();
    const controller = new AbortController();
    const first = one.decode(bytes);
    const second = one.decode(bytes, controller.signal);
    const third = one.decode(bytes);
    await Promise.resolve();
    expect([one.decoder.active, one.decoder.waiting]).toEqual([1, 2]);
    controller.abort(new Error('left'));
    expect([one.decoder.active, one.decoder.waiting]).toEqual([1, 1]);
    await expect(second).rejects.toThrow('left');
    sameAs(small, await first);
    sameAs(small, await third);
    expect([one.decoder.active, one.decoder.waiting]).toEqual([0, 0]);
  });

  it('lets go of who leaves while it decodes, and keeps the place until that has ended', async () => {
    const one = decoderOf({ concurrency: 1 });
    const bytes = await encoderOf(small).png().toBuffer();
    await one.decoder.started();
    const controller = new AbortController();
    const leaving = one.decode(bytes, controller.signal);
    const next = one.decode(bytes);
    await Promise.resolve();
    controller.abort(new Error('left'));
    await expect(leaving).rejects.toThrow('left');
    expect([one.decoder.active, one.decoder.waiting]).toEqual([1, 1]);
    sameAs(small, await next);
  });

  it('rejects with OVERLOADED when too many wait', async () => {
    const tight = decoderOf({ concurrency: 1, maxWaiting: 1 });
    const bytes = await encoderOf(small).png().toBuffer();
    const outcomes = await Promise.all([1, 2, 3].map(() => outcome(tight.decode(bytes))));
    expect(outcomes).toEqual(['decoded', 'decoded', 'OVERLOADED']);
  });

  it('says which decoders it uses', () => {
    expect(decoderOf({ fastDecoders: 'off' }).decoder.decoders).toEqual(['sharp']);
    expect(decoder.decoder.decoders.at(-1)).toBe('sharp');
  });

  it('leaves the file as it was', async () => {
    const bytes = await encoderOf(photograph(200, 100)).jpeg().toBuffer();
    const copy = Buffer.from(bytes);
    await decoder.decode(bytes);
    expect(bytes.equals(copy)).toBe(true);
  });
});

const folder = process.env['CV_TEST_DATA'];

describe.skipIf(folder === undefined)('real files (skipped unless CV_TEST_DATA is set)', () => {
  const file = (name: string): Buffer => readFileSync(path.join(folder ?? '', 'images', name));

  it('decodes a CMYK photograph, 16 bits and WebP', async () => {
    const ink = await decoder.decode(file('Channel_digital_image_CMYK_color.jpg'));
    expect([ink.width, ink.height]).toEqual([500, 333]);
    const flag = await decoder.decode(file('Flag_of_the_Netherlands-16bit.png'));
    expect([...new Uint8Array(flag.pixels.data, 0, 3)]).toEqual([0xae, 0x1c, 0x28]);
    const webp = await decoder.decode(file('4.webp'));
    expect([webp.format, webp.width, webp.height]).toEqual(['webp', 1024, 772]);
  });

  it('refuses a truncated photograph', async () => {
    expect(await outcome(decoder.decode(file('truncated.jpg')))).toBe('IMAGE_UNDECODABLE');
  });

  it('sees the same picture whichever way the camera was held', async () => {
    const images = await Promise.all(['1', '6'].map((each) => decoder.decode(file(`Landscape_${each}.jpg`))));
    const [upright = new Uint8Array(), turned = new Uint8Array()] = images.map((image) =>
      bytesOf(image.pixels),
    );
    const overhead = turned.toReversed();
    expect(difference(upright, turned).mean).toBeLessThan(difference(upright, overhead).mean / 2);
  });
});
