import type { Sharp } from 'sharp';
import { specOf, testDecoder } from './decoder.test-support.js';
import type { DecodedImage, InputSpec } from './image.js';
import { createResampler } from './resample.js';
import { type Difference, difference } from './samples.test-support.js';

/** A size that is reduced. */
export const [WIDTH, HEIGHT] = [2404, 1804];
const SOFT = ['bilinear', 'hamming', 'bicubic', 'lanczos'] as const;

function tensorOf(spec: InputSpec, image: DecodedImage): Uint8Array {
  const tensor = new Uint8Array(spec.width * spec.height * 3);
  createResampler(spec).resampleInto(image.pixels, tensor, 0);
  return tensor;
}

const LARGEST = { maxPixels: 6_000_000, concurrency: 1, jpegTurbo: 'off' } as const;
// The reduced size does not depend on the filter, which is ours and runs later.
const reducing = testDecoder({ ...LARGEST, spec: specOf('bilinear', 'stretch', 224) });
const whole = testDecoder({ ...LARGEST, spec: specOf('bilinear', 'stretch', 224), reduce: 'off' });

/** How far the tensors of the reduced and the whole image lie apart, at the worst of all filters. */
export async function apart(encoded: Sharp): Promise<Difference> {
  const file = await encoded.toBuffer();
  const [reduced, exact] = [await reducing.decode(file), await whole.decode(file)];
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
