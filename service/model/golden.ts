import { messageOf, ServiceError } from '../errors.js';
import type { Golden } from './manifest.js';

/** No golden image may hold up the start for longer, milliseconds. */
const GOLDEN_TIMEOUT_MS = 30_000;

interface GoldenPredictor<Image> {
  inspect(bytes: Uint8Array): Image;
  predict(
    image: Image,
    options: { signal: AbortSignal; topK: number; threshold: number },
  ): Promise<{ readonly predictions: readonly { readonly label: string; readonly score: number }[] }>;
}

/**
 * Puts the model's golden images through the flow that requests take.
 * Throws MODEL_GOLDEN_MISMATCH naming every image whose answer is not the expected one.
 */
export async function checkGolden<Image>(
  golden: readonly Golden[],
  read: (file: string) => Promise<Uint8Array>,
  predictor: GoldenPredictor<Image>,
): Promise<void> {
  const faults = await Promise.all(golden.map((expected) => faultOf(expected, read, predictor)));
  const found = faults.filter((fault) => fault !== undefined);
  if (found.length > 0) throw new ServiceError('MODEL_GOLDEN_MISMATCH', found.join('; '));
}

async function faultOf<Image>(
  expected: Golden,
  read: (file: string) => Promise<Uint8Array>,
  predictor: GoldenPredictor<Image>,
): Promise<string | undefined> {
  try {
    const { predictions } = await predictor.predict(predictor.inspect(await read(expected.file)), {
      signal: AbortSignal.timeout(GOLDEN_TIMEOUT_MS),
      topK: expected.predictions.length,
      threshold: Number.NEGATIVE_INFINITY,
    });
    const differing = expected.predictions.findIndex(
      (wanted, rank) => !agrees(wanted, predictions[rank], expected.tolerance),
    );
    if (differing === -1) return undefined;
    return `${expected.file}: expected ${shown(expected.predictions[differing])}, got ${shown(predictions[differing])}`;
  } catch (error) {
    return `${expected.file}: ${messageOf(error)}`;
  }
}

function agrees(
  wanted: { label: string; score: number },
  got: { label: string; score: number } | undefined,
  tolerance: number,
): boolean {
  return got !== undefined && got.label === wanted.label && Math.abs(got.score - wanted.score) <= tolerance;
}

function shown(prediction: { label: string; score: number } | undefined): string {
  return prediction === undefined ? 'nothing' : `${prediction.label} at ${prediction.score.toFixed(4)}`;
}
