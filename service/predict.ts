import type { Batcher } from './batching/batcher.js';
import { rowOf } from './inference/row.js';
import type { Decoder, InspectedImage } from './preprocess/decode.js';
import { fileOf, type PreparedImage } from './preprocess/image.js';
import type { Answer, Parameters } from './tasks/task.js';
import { type StageSpan, spansFrom } from './telemetry/stages.js';

export interface PredictOptions {
  /** Aborts, with the reason, once the deadline has passed or the client has gone. */
  readonly signal: AbortSignal;
  /** What is asked of the model's task. */
  readonly parameters: Parameters;
}

export interface Prediction {
  readonly image: Pick<PreparedImage, 'width' | 'height' | 'format'>;
  readonly answer: Answer;
  /** What it went through, in order. */
  readonly spans: readonly StageSpan[];
}

/** The data flow of one image: bytes to pixels, pixels to a row, the row to an answer. Knows no protocol and no task. */
export class Predictor {
  readonly decoder: Decoder;
  readonly batcher: Batcher;

  constructor(decoder: Decoder, batcher: Batcher) {
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

  /** @param inspected given away: its bytes may be gone afterwards */
  async predict(inspected: InspectedImage, options: PredictOptions): Promise<Prediction> {
    const { signal, parameters } = options;
    const spans: StageSpan[] = [];
    let startedAt = performance.now();
    let prepared = await this.decoder.prepare(inspected, signal);
    for (;;) {
      const preparedMs = performance.now() - startedAt;
      const isLeftToEngine = fileOf(prepared.image) !== undefined;
      const expectedDecodeMs = isLeftToEngine ? inspected.decodeMs : 0;
      const served = await this.batcher.submit(rowOf(prepared, parameters), signal, expectedDecodeMs);
      spans.push(
        ...spansFrom(startedAt, [
          { stage: 'decode', durationMs: preparedMs },
          { stage: 'queue', durationMs: served.queueMs },
          { stage: 'decode', durationMs: served.decodeMs },
          { stage: 'inference', durationMs: served.inferenceMs },
          { stage: 'postprocess', durationMs: served.interpretMs },
        ]),
      );
      if ('answer' in served) {
        const { width, height, format } = prepared;
        if (isLeftToEngine) this.decoder.observe(inspected, served.decodeMs);
        return { image: { width, height, format }, answer: served.answer, spans };
      }
      // The engine's decoder refuses it, and the other one judges: errors are the same whichever ran.
      const returned = { ...inspected, bytes: served.returned };
      startedAt = performance.now();
      const { pixels, ...rest } = await this.decoder.decode(returned, signal);
      prepared = { ...rest, image: pixels };
    }
  }
}
