import type { FeatureName } from './features.js';
import type { PixelStatistics } from './pixel-sampler.js';

/** What the thread that runs the model says of one image, beside its answer. */
export interface RowStatistics extends PixelStatistics {
  /** Of the scores of all classes, 0..1; where the task has such scores. */
  readonly entropy?: number;
}

/** Of an image with one answer; what has a value for each label given, `confidence`, is with the answer. */
export type ImageStatistics = Readonly<Partial<Record<Exclude<FeatureName, 'confidence'>, number>>>;

/** @param image its size as a person sees it, pixels */
export function imageStatistics(
  row: RowStatistics,
  { width, height }: { readonly width: number; readonly height: number },
): ImageStatistics {
  return { ...row, size: Math.sqrt(width * height), aspect: width / height };
}
