import type { Received } from './http-client.js';
import type { KnownImage } from './known-images.js';

interface Prediction {
  readonly label: string;
  readonly score: number;
}

/** What we look at in an answer of /predict. */
export interface HonestAnswer {
  readonly request_id: string;
  readonly image: { readonly width: number; readonly height: number; readonly format: string };
  readonly predictions: readonly Prediction[];
}

interface BatchAnswer {
  readonly request_id: string;
  readonly results: readonly BatchItem[];
}

interface BatchItem extends Pick<HonestAnswer, 'image' | 'predictions'> {
  readonly index: number;
  /** In place of the others. */
  readonly error?: { readonly code: string; readonly status: number; readonly detail: string };
}

export interface Expected {
  readonly id: string;
  readonly images: readonly KnownImage[];
  readonly isBatch: boolean;
}

/** What is wrong with an answer of status 200; undefined where nothing is. */
export function faultOf(answer: Received, { id, images, isBatch }: Expected): string | undefined {
  if (answer.headers['x-request-id'] !== id) return `answers ${answer.headers['x-request-id']}, not ${id}`;
  const body = parse(answer.text);
  if (body === undefined) return `is not JSON: ${answer.text.slice(0, 100)}`;
  if (body.request_id !== id) return `has the id ${body.request_id}, not ${id}`;
  if (!isBatch) return imageFault(body as HonestAnswer, images[0]);
  const { results } = body as BatchAnswer;
  if (results?.length !== images.length) return `has ${results?.length} results for ${images.length} images`;
  const faults = results.map((result, index) => itemFault(result, index, images[index]));
  return faults.find((fault) => fault !== undefined);
}

function itemFault(
  { index, error, ...result }: BatchItem,
  place: number,
  expected: KnownImage | undefined,
): string | undefined {
  if (index !== place) return `result ${place} says it is ${index}`;
  if (error !== undefined) return `${expected?.name}: ${error.code}: ${error.detail}`;
  return imageFault(result, expected);
}

function imageFault(
  { image, predictions }: Pick<HonestAnswer, 'image' | 'predictions'>,
  expected: KnownImage | undefined,
): string | undefined {
  if (expected === undefined) return 'nothing was asked';
  const [best] = predictions ?? [];
  const { width, height, format } = expected.image;
  if (image?.width !== width || image.height !== height || image.format !== format) {
    return `${expected.name}: is about another image, ${JSON.stringify(image)}`;
  }
  if (best?.label !== expected.label || Math.abs(best.score - expected.score) > expected.tolerance) {
    return `${expected.name}: ${best?.label} with ${best?.score}, not ${expected.label} with ${expected.score}`;
  }
  return undefined;
}

function parse(text: string): HonestAnswer | BatchAnswer | undefined {
  try {
    return JSON.parse(text) as HonestAnswer | BatchAnswer;
  } catch {
    return undefined;
  }
}
