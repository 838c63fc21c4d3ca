import type { Sharp } from 'sharp';
import { createDecoder, type DecoderOptions } from './decode.js';
import { decodeFile } from './decode-file.js';
import { specOf } from './decoder.test-support.js';
import { createSharpDecoder } from './decoders/sharp.js';
import type { DecodedImage, InputSpec } from './image.js';
import { NO_REDUCTION, type Reduction, reductionFor, type Size } from './reduction.js';
import { createResampler } from './resample.js';
import { type Difference, difference } from './samples.test-support.js';
import { sniffFormat } from './sniff-format.js';

/** A size that is reduced. */
export const [WIDTH, HEIGHT] = [2404, 1804];
const SOFT = ['bilinear', 'hamming', 'bicubic', 'lanczos'] as const;

function tensorOf(spec: InputSpec, image: DecodedImage): Uint8Array {
  const tensor = new Uint8Array(spec.width * spec.height * 3);
  createResampler(spec).resampleInto(image.pixels, tensor, 0);
  return tensor;
}

const MAX_PIXELS = 6_000_000;
const sharp = createSharpDecoder(['jpeg', 'png', 'webp'], MAX_PIXELS);
// The reduced size does not depend on the filter, which runs later.
const spec224 = specOf('bilinear', 'stretch', 224);

function decoded(file: Uint8Array, reduce: (image: Size) => Reduction): Promise<DecodedImage> {
  const { format } = sniffFormat(file);
  if (format === undefined) throw new Error('is no image');
  return decodeFile({ sharp }, Uint8Array.from(file), format, { maxPixels: MAX_PIXELS, reduce });
}

/** What was decoded fast for each input, and its tensor beside that of the whole image. */
export async function decodedFast(
  file: Uint8Array,
  specs: readonly InputSpec[],
  fastDecoders: 'pool' | 'off',
): Promise<{ spec: InputSpec; image: DecodedImage; tensor: Uint8Array; exact: Uint8Array }[]> {
  const options = { maxPixels: MAX_PIXELS, concurrency: 1, fastDecoders };
  const whole = await decodedBy({ ...options, spec: specOf('nearest'), reduce: 'off' }, file);
  return Promise.all(
    specs.map(async (spec) => {
      const image = await decodedBy({ ...options, spec }, file);
      return { spec, image, tensor: tensorOf(spec, image), exact: tensorOf(spec, whole) };
    }),
  );
}

async function decodedBy(options: DecoderOptions, file: Uint8Array): Promise<DecodedImage> {
  const decoder = createDecoder(options);
  try {
    return await decoder.decode(decoder.inspect(file));
  } finally {
    await decoder.destroy();
  }
}

/** How far the tensors of the reduced and the whole image lie apart, at the worst of all filters. */
export async function apart(encoded: Sharp): Promise<Difference> {
  const file = await encoded.toBuffer();
  const reduced = await decoded(file, (image) => reductionFor(spec224, image, 'png'));
  const exact = await decoded(file, () => NO_REDUCTION);
  if (reduced.pixels.data.byteLength >= exact.pixels.data.byteLength / 3.9)
    throw new Error('was not reduced');
  if (reduced.width !== exact.width || reduced.height !== exact.height) throw new Error('is of another size');
  const found = SOFT.map((filter) => {
    const spec = specOf(filter, 'stretch', 224);
    return difference(tensorOf(spec, reduced), tensorOf(spec, exact));
  });
  const worst = (of: keyof Difference): number => Math.max(...found.map((each) => each[of]));
  return { mean: worst('mean'), p99: worst('p99'), max: worst('max') };
}
