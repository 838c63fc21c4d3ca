import type { Batcher } from './batching/batcher.js';
import type { Drawing, DrawingOrder, Picture } from './drawing/shapes.js';
import { otherThan, type Traffic } from './fairness/traffic.js';
import { rowOf } from './inference/row.js';
import type { Decoder, InspectedImage } from './preprocess/decode.js';
import { fileOf, type PreparedImage, release } from './preprocess/image.js';
import { type ImageStatistics, imageStatistics } from './statistics/image-statistics.js';
import type { Answer, Parameters } from './tasks/task.js';
import { type StageSpan, spansFrom } from './telemetry/stages.js';
import type { TraceContext } from './telemetry/trace-context.js';

export interface PredictOptions {
  /** Aborts, with the reason, once the deadline has passed or the client has gone. */
  readonly signal: AbortSignal;
  /** What is asked of the model's task. */
  readonly parameters: Parameters;
  /** Default single. */
  readonly traffic?: Traffic;
  /** Where a picture is wanted beside the answer. */
  readonly picture?: PictureOrder | undefined;
  /** Whether the file is wanted beside the answer. Default false. */
  readonly keepsFile?: boolean;
  /** Takes what the image goes through, in order; of one that fails, what it went through until then. */
  readonly spans?: StageSpan[];
  /** That it belongs to, where there is one. */
  readonly trace?: TraceContext | undefined;
}

/** Which picture is to be made of an answer. */
export interface PictureOrder extends Omit<DrawingOrder, 'shapes'> {
  drawingOf(answer: Answer): Drawing;
}

export interface Prediction {
  readonly image: Pick<PreparedImage, 'width' | 'height' | 'format'>;
  readonly answer: Answer;
  /** Where they are taken. */
  readonly statistics?: ImageStatistics;
  /** Where one was wanted; the image as a person sees it, with what was found drawn on it. */
  readonly picture?: Picture;
  /** Where it was wanted: the image as it came, without a copy. */
  readonly file?: Uint8Array;
}

/** The data flow of one image: bytes to pixels, pixels to a row, the row to an answer. Knows no protocol and no task. */
export class Predictor {
  readonly decoder: Decoder;
  readonly batcher: Batcher;
  /** Expected work for pictures whose answers are not there yet, milliseconds. */
  #toDrawMs = 0;

  constructor(decoder: Decoder, batcher: Batcher) {
    this.decoder = decoder;
    this.batcher = batcher;
  }

  /** Looks at an image's header. Throws IMAGE_TYPE_UNSUPPORTED, IMAGE_DIMENSIONS_EXCEEDED, IMAGE_UNDECODABLE. */
  inspect(bytes: Uint8Array): InspectedImage {
    return this.decoder.inspect(bytes);
  }

  /**
   * How long images that came now would take to their answer, after all that would be run before them, milliseconds.
   * @param picture where they are to be drawn on
   */
  expectedMs(traffic: Traffic, images: readonly InspectedImage[], picture?: PictureOrder): number {
    const { decoder, batcher } = this;
    const drawMs = picture === undefined ? 0 : sum(images.map((image) => decoder.drawMs(image, picture)));
    const decodeMs = (onThread: boolean): number =>
      sum(images.filter((image) => image.onThread === onThread).map((image) => image.decodeMs));
    const decodedMs = (decoder.backlogMs(traffic, decodeMs(false)) + this.#toDrawMs) / decoder.lanes;
    // What is being decoded now is run before them. Only single images are drawn on.
    const decodedBefore = decoder.active + decoder.waitingOf(traffic);
    const drawing = traffic === 'single' ? decoder.drawing : 0;
    const runMs = batcher.expectedMs({
      traffic,
      images: Math.max(0, decodedBefore - drawing) + images.length,
      decodeMs: decodeMs(true),
      othersToCome: decoder.waitingOf(otherThan(traffic)),
    });
    return Math.max(decodedMs, runMs) + drawMs / decoder.lanes;
  }

  /** @param inspected given away: its bytes may be gone afterwards. Where a picture is wanted, they are copied */
  async predict(inspected: InspectedImage, options: PredictOptions): Promise<Prediction> {
    const { picture } = options;
    if (picture === undefined) return this.#answer(inspected, options);
    const drawMs = this.decoder.drawMs(inspected, picture);
    this.#toDrawMs += drawMs;
    // The thread that runs the model takes a file for good.
    const kept = inspected.onThread ? { ...inspected, bytes: new Uint8Array(inspected.bytes) } : inspected;
    const prediction = await this.#answer(inspected, options).finally(() => {
      this.#toDrawMs -= drawMs;
    });
    return this.#drawn(prediction, kept, picture, options);
  }

  async #drawn(
    prediction: Prediction,
    image: InspectedImage,
    { drawingOf, ...order }: PictureOrder,
    { signal, spans = [] }: PredictOptions,
  ): Promise<Prediction> {
    const startedAt = performance.now();
    const drawing = drawingOf(prediction.answer);
    const picture =
      'picture' in drawing
        ? drawing.picture
        : await this.decoder.draw(image, { ...order, ...drawing }, signal);
    spans.push({ stage: 'draw', startedAt, durationMs: performance.now() - startedAt });
    return { ...prediction, picture };
  }

  async #answer(
    inspected: InspectedImage,
    { signal, parameters, traffic, keepsFile = false, spans = [], trace, picture }: PredictOptions,
  ): Promise<Prediction> {
    let { bytes } = inspected;
    let startedAt = performance.now();
    let prepared = await this.decoder.prepare(inspected, signal, traffic);
    for (;;) {
      const preparedAt = performance.now();
      spans.push({ stage: 'decode', startedAt, durationMs: preparedAt - startedAt });
      const isLeftToEngine = fileOf(prepared.image) !== undefined;
      if (!isLeftToEngine && !keepsFile && picture === undefined) release(bytes);
      const decodeMs = isLeftToEngine ? inspected.decodeMs : 0;
      const served = await this.batcher.submit(rowOf(prepared, parameters, keepsFile), signal, {
        traffic,
        decodeMs,
        trace,
      });
      spans.push(
        ...spansFrom(preparedAt, [
          { stage: 'queue', durationMs: served.queueMs },
          { stage: 'decode', durationMs: served.decodeMs },
          { stage: 'inference', durationMs: served.inferenceMs, batch: served.batch },
          { stage: 'postprocess', durationMs: served.interpretMs },
        ]),
      );
      if ('answer' in served) {
        const { width, height, format } = prepared;
        if (isLeftToEngine) this.decoder.observe(inspected, served.decodeMs);
        const { answer, statistics } = served;
        const taken = statistics && { statistics: imageStatistics(statistics, prepared) };
        const file = keepsFile && { file: served.file ?? bytes };
        return { image: { width, height, format }, answer, ...taken, ...file };
      }
      // The engine's decoder refuses it, and the other one judges: errors are the same whichever ran.
      bytes = served.returned;
      startedAt = performance.now();
      const { pixels, ...rest } = await this.decoder.decode({ ...inspected, bytes }, signal, traffic);
      prepared = { ...rest, image: pixels };
    }
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
