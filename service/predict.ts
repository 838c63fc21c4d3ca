import type { Batcher } from './batching/batcher.js';
import { ServiceError } from './errors.js';
import type { ModelSpec } from './model/model-spec.js';
import { type Classification, classify } from './postprocess/classification.js';
import type { Decoder } from './preprocess/decode.js';
import type { DecodedImage } from './preprocess/image.js';
import type { StageTimings } from './telemetry/stage-timings.js';

export interface PredictOptions {
  /** Aborts, with the reason, once the deadline has passed or the client has gone. */
  readonly signal: AbortSignal;
  /** How many predictions; default: as the model says. */
  readonly topK?: number | undefined;
  /** Lowest score; default: as the model says. */
  readonly threshold?: number | undefined;
}

export interface Prediction {
  readonly image: Pick<DecodedImage, 'width' | 'height' | 'format'>;
  readonly predictions: readonly Classification[];
  readonly timings: StageTimings;
}

/** The data flow of one image: bytes to pixels, pixels to outputs, outputs to predictions. */
export class Predictor {
  readonly model: ModelSpec;
  readonly decoder: Decoder;
  readonly batcher: Batcher;

  constructor(model: ModelSpec, decoder: Decoder, batcher: Batcher) {
    this.model = model;
    this.decoder = decoder;
    this.batcher = batcher;
  }

  async predict(bytes: Uint8Array, options: PredictOptions): Promise<Prediction> {
    const startedAt = performance.now();
    const { pixels, width, height, format } = await this.decoder.decode(bytes, options.signal);
    const decodedAt = performance.now();
    const { outputs, queueMs, inferenceMs } = await this.batcher.submit(pixels, options.signal);
    const answeredAt = performance.now();
    const predictions = this.#interpret(outputs, options);
    const postprocess = performance.now() - answeredAt;
    return {
      image: { width, height, format },
      predictions,
      timings: { decode: decodedAt - startedAt, queue: queueMs, inference: inferenceMs, postprocess },
    };
  }

  #interpret(
    outputs: readonly { name: string; data: Float32Array }[],
    options: PredictOptions,
  ): Classification[] {
    const { classification } = this.model;
    const output = outputs.find((candidate) => candidate.name === classification.outputName);
    if (output === undefined) throw new ServiceError('INFERENCE_FAILED', 'The model gave no scores.');
    return classify(output.data, {
      ...classification,
      topK: options.topK ?? classification.topK,
      threshold: options.threshold ?? classification.threshold,
    });
  }
}
