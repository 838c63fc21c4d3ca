import createSharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeFile, type FileDecoders } from '../decode-file.js';
import { readPlainWebp } from '../headers/plain-webp.js';
import type { DecodedImage } from '../image.js';
import { NO_REDUCTION } from '../reduction.js';
import { bytesOf, encoderOf, photograph, picture, type Sample } from '../samples.test-support.js';
import { loadWebpDecoder } from './libwebp.js';
import { createSharpDecoder } from './sharp.js';

const MAX_PIXELS = 1_000_000;
const sharp = createSharpDecoder(['webp'], MAX_PIXELS);
const libwebp = loadWebpDecoder();

const decode = (decoders: FileDecoders, file: Uint8Array): Promise<DecodedImage> =>
  decodeFile(decoders, new Uint8Array(file), 'webp', { maxPixels: MAX_PIXELS, reduce: () => NO_REDUCTION });
const bySharp = (file: Uint8Array): Promise<DecodedImage> => decode({ sharp }, file);
const byBoth = (file: Uint8Array): Promise<DecodedImage> => decode({ sharp, fast: libwebp }, file);

/** What libwebp alone says: undefined where it leaves the file to sharp. */
async function byLibwebp(file: Uint8Array): Promise<DecodedImage | undefined> {
  const webp = readPlainWebp(file);
  if (libwebp === undefined || webp === undefined) return undefined;
  const header = { ...webp, isCmyk: false, jpeg: undefined, webp };
  const { width, height } = webp;
  const pixels = await libwebp
    .decode({ bytes: file, format: 'webp', header, ...NO_REDUCTION })
    .catch(() => undefined);
  return pixels && { pixels, format: 'webp', width, height };
}

async function expectSame(found: DecodedImage | undefined, file: Uint8Array): Promise<void> {
  const exact = await bySharp(file);
  expect([found?.width, found?.height]).toEqual([exact.width, exact.height]);
  if (found === undefined) return;
  expect(Buffer.from(bytesOf(found.pixels)).equals(bytesOf(exact.pixels))).toBe(true);
}

const SAMPLES: readonly Sample[] = [
  photograph(160, 120),
  photograph(157, 83),
  picture(1, 1),
  picture(1, 90),
  picture(90, 1),
  picture(7, 9),
];

function filesOf(sample: Sample): Promise<Buffer>[] {
  const image = encoderOf(sample);
  const transparent = image.clone().ensureAlpha(0.4);
  return [
    image.clone().webp({ quality: 30 }),
    image.clone().webp({ quality: 90, smartSubsample: true }),
    image.clone().webp({ lossless: true }),
    image.clone().webp({ nearLossless: true }),
    image.clone().greyscale().webp(),
    image.clone().withIccProfile('p3').webp(),
    transparent.clone().webp({ quality: 60 }),
    transparent.clone().webp({ lossless: true }),
    transparent.clone().webp({ lossless: true, exact: true }),
  ].map((each) => each.toBuffer());
}

describe.skipIf(libwebp === undefined)(
  'libwebp (skipped where libwebp.so.7 or koffi is not installed)',
  () => {
    it('gives the pixels of sharp, to the bit', async () => {
      for (const file of await Promise.all(SAMPLES.flatMap(filesOf)))
        await expectSame(await byLibwebp(file), file);
    });

    it('reads a file from the middle of a larger buffer', async () => {
      const file = await encoderOf(photograph(60, 50)).webp().toBuffer();
      const around = Buffer.concat([Buffer.alloc(77, 0xff), file, Buffer.alloc(33, 0xaa)]);
      await expectSame(await byLibwebp(around.subarray(77, 77 + file.length)), file);
    });

    it('leaves to sharp what has frames, what EXIF may turn, and what has bytes behind its end', async () => {
      const image = encoderOf(photograph(40, 30));
      const left = [
        await image.clone().withMetadata({ orientation: 6 }).webp().toBuffer(),
        await image
          .clone()
          .webp()
          .toBuffer()
          .then((file) => Buffer.concat([file, Buffer.from('stray')])),
        await animated(),
      ];
      for (const file of left) {
        expect(await byLibwebp(file)).toBeUndefined();
        await expectSame(await byBoth(file), file);
      }
    });

    it('refuses a file that ends early, wherever it ends', async () => {
      for (const file of await Promise.all(filesOf(photograph(48, 40)))) {
        for (let end = file.length - 2; end > 12; end -= 7) {
          const part = Buffer.from(file.subarray(0, end));
          part.writeUInt32LE(end - 8, 4);
          const verdict = await byBoth(part).catch(({ code }) => code);
          expect(verdict, `${end} of ${file.length} bytes`).toBe('IMAGE_UNDECODABLE');
        }
      }
    });

    it('says of damaged files what sharp says', async () => {
      let refused = 0;
      for (const file of await Promise.all(filesOf(photograph(48, 40)))) {
        for (let at = 12; at < file.length; at += 5) {
          const damaged = Buffer.from(file);
          damaged[at] = ((damaged[at] ?? 0) + 1 + (at % 254)) & 0xff;
          const [both, alone] = await Promise.all(
            [byBoth, bySharp].map((decoded) =>
              decoded(damaged).then(
                ({ pixels }) => Buffer.from(bytesOf(pixels)),
                () => undefined,
              ),
            ),
          );
          refused += alone === undefined ? 1 : 0;
          expect(both?.toString('hex') === alone?.toString('hex'), `byte ${at} of ${file.length}`).toBe(true);
        }
      }
      expect(refused).toBeGreaterThan(20);
    });
  },
);

function animated(): Promise<Buffer> {
  const frames = Buffer.concat([photograph(20, 20).data, picture(20, 20).data]);
  return createSharp(frames, { raw: { width: 20, height: 40, channels: 3, pageHeight: 20 } })
    .webp({ lossless: true })
    .toBuffer();
}
