import type { Batcher } from './batching/batcher.js';
import { ServiceError } from './errors.js';
import type { ModelSpec } from './model/model-spec.js';
import { type Classification, classify } from './postprocess/classification.js';
import type { Decoder, InspectedImage } from './preprocess/decode.js';
import type { PreparedImage } from './preprocess/image.js';
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
  readonly image: Pick<PreparedImage, 'width' | 'height' | 'format'>;
  readonly predictions: readonly Classification[];
  readonly timings: StageTimings;
}

type Outputs = readonly { readonly name: string; readonly data: Float32Array }[];

interface Served extends Pick<Prediction, 'image'> {
  readonly outputs: Outputs;
  readonly timings: Omit<StageTimings, 'postprocess'>;
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

  /** Looks at an image's header. Throws IMAGE_TYPE_UNSUPPORTED, IMAGE_DIMENSIONS_EXCEEDED, IMAGE_UNDECODABLE. */
  inspect(bytes: Uint8Array): InspectedImage {
    return this.decoder.inspect(bytes);
  }

  /** How long images that came now would take to their answer, after all that is in flight, milliseconds. */
  expectedMs(images: readonly InspectedImage[]): number {
    const { decoder, batcher } = this;
    const decodeMs = (onThread: boolean): number =>
      images.reduce((sum, image) => sum + (image.onThread === onThread ? image.decodeMs : 0), 0);
    const decodedMs = (decoder.backlogMs + decodeMs(false)) / decoder.lanes;
    // What is being decoded now is run before them.
    const runs = decoder.active + decoder.waiting + images.length;
    return Math.max(decodedMs, batcher.expectedMs(runs, decodeMs(true)));
  }

  /** @param image given away: its bytes may be gone afterwards */
  async predict(image: InspectedImage, options: PredictOptions): Promise<Prediction> {
    const { image: info, outputs, timings } = await this.#serve(image, options.signal);
    const answeredAt = performance.now();
    const predictions = this.#interpret(outputs, options);
    return { image: info, predictions, timings: { ...timings, postprocess: performance.now() - answeredAt } };
  }

  async #serve(inspected: InspectedImage, signal: AbortSignal): Promise<Served> {
    const startedAt = performance.now();
    let prepared = await this.decoder.prepare(inspected, signal);
    for (;;) {
      const preparedMs = performance.now() - startedAt;
      const served = await this.batcher.submit(
        prepared.image,
        signal,
        'jpeg' in prepared.image ? inspected.decodeMs : 0,
      );
      if ('outputs' in served) {
        const { width, height, format } = prepared;
        const { outputs, decodeMs, queueMs, inferenceMs } = served;
        if ('jpeg' in prepared.image) this.decoder.observe(inspected, decodeMs);
        const timings = { decode: preparedMs + decodeMs, queue: queueMs, inference: inferenceMs };
        return { image: { width, height, format }, outputs, timings };
      }
      // The engine's decoder refuses it, and the other one judges: errors are the same whichever ran.
      const returned = { ...inspected, bytes: served.returned };
      const { pixels, ...rest } = await this.decoder.decode(returned, signal);
      prepared = { ...rest, image: pixels };
    }
  }

  #interpret(outputs: Outputs, options: PredictOptions): Classification[] {
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
