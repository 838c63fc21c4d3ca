/** One number of an image or of its answer, and how its distribution is counted. */
interface Feature {
  /** The histogram that shows it. */
  readonly metric: string;
  readonly help: string;
  /** Upper edges, the same for every model: what training saw and what production sees are counted alike. */
  readonly buckets: readonly number[];
}

/** 0 to 0.95 in twentieths, finer where pictures are black. */
const BRIGHTNESS = [0.02, ...Array.from({ length: 19 }, (_, index) => (index + 1) / 20)];
/** Square, 4:3, 3:2, 16:9 and 2:1 lie inside their buckets, not on an edge. */
const ASPECT = [0.22, 0.35, 0.48, 0.62, 0.71, 0.81, 0.93, 1.07, 1.23, 1.41, 1.62, 2.1, 2.83, 4.6];

/** All that is counted. The first four are of the pixels that the model sees, after resizing and before normalisation. */
export const FEATURES = {
  brightness: {
    metric: 'cv_input_brightness_ratio',
    help: 'Mean grey level of the resized image, 0 to 1',
    buckets: BRIGHTNESS,
  },
  contrast: {
    metric: 'cv_input_contrast_ratio',
    help: 'Standard deviation of the grey levels of the resized image, 0 to 0.5',
    buckets: [0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.15, 0.18, 0.22, 0.26, 0.3, 0.35, 0.4],
  },
  sharpness: {
    metric: 'cv_input_sharpness_ratio',
    help: 'Standard deviation of the Laplacian of the grey levels of the resized image',
    buckets: [0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.11, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2],
  },
  colourfulness: {
    metric: 'cv_input_colourfulness_ratio',
    help: 'Colourfulness of the resized image (Hasler and Suesstrunk 2003, divided by 255); of models that see colour',
    buckets: [0.01, 0.03, 0.06, 0.09, 0.13, 0.18, 0.23, 0.32, 0.43, 0.6],
  },
  size: {
    metric: 'cv_input_size_pixels',
    help: 'Square root of width times height of the image as it came',
    buckets: [16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096],
  },
  aspect: {
    metric: 'cv_input_aspect_ratio',
    help: 'Width divided by height of the image as it came',
    buckets: ASPECT,
  },
  confidence: {
    metric: 'cv_prediction_confidence_ratio',
    help: 'Scores of the labels given',
    buckets: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1],
  },
  entropy: {
    metric: 'cv_prediction_entropy_ratio',
    help: 'Entropy of the scores of all classes, 1 where they are equal; of models whose classes exclude each other',
    buckets: [0.001, 0.003, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8],
  },
} as const satisfies Record<string, Feature>;

export type FeatureName = keyof typeof FEATURES;
export const FEATURE_NAMES = Object.keys(FEATURES) as readonly FeatureName[];
