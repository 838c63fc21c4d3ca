import type { DrawingOrder, Picture } from '../drawing/shapes.js';
import type { Traffic } from '../fairness/traffic.js';
import { DecodeCosts, DrawCosts } from './decode-costs.js';
import { DecodeQueue } from './decode-queue.js';
import { decodeFast } from './decoders/decode-fast.js';
import type { DecodeRequest, ImageDecoder, ImageHeader } from './decoders/image-decoder.js';
import { loadJpegTurbo } from './decoders/jpeg-turbo.js';
import { loadWebpDecoder } from './decoders/libwebp.js';
import type { DecodedImage, ImageFormat, InputSpec, PreparedImage } from './image.js';
import { type InspectedImage, type InspectOptions, inspect } from './inspect.js';
import { DecodeProcesses } from './processes/decode-processes.js';
import { jpegDivisor } from './reduction.js';

export type { InspectedImage } from './inspect.js';

export interface DecoderOptions {
  /** Formats that are taken. Default: jpeg, png, webp. */
  readonly formats?: ReadonlySet<ImageFormat>;
  /** Most pixels of one image, width * height. */
  readonly maxPixels: number;
  /** The model's input: how far a large image may be reduced while it is decoded. */
  readonly spec: InputSpec;
  /** Images decoded at once, and so decode processes. */
  readonly concurrency: number;
  /** Images that may wait for their turn. Default 1000. */
  readonly maxWaiting?: number;
  /**
   * Where the JPEGs are decoded that libjpeg-turbo is faster at: on libuv's pool, or by the thread that runs the model,
   * which gets them as they are; where it is not installed, by a process, as all others. Off: sharp decodes everything.
   */
  readonly fastDecoders: 'pool' | 'thread' | 'off';
  /**
   * auto (default): images that are larger than the input are resized where they are decoded (pixel-resizer.ts), those far
   * larger decoded at a fraction of their size (reduction.ts). off: all pixels are wanted.
   */
  readonly reduce?: 'auto' | 'off';
  /** Lowers the CPU time that one image may take, milliseconds. */
  readonly maxCpuMs?: number;
  /** Told of each process that was lost or given up, and is being replaced. */
  readonly onProcessLost?: (reason: string) => void;
}

/** Turns image files into pixels, off the event loop, where it can be given up. */
export interface Decoder {
  /**
   * Looks at a file without decoding it: well below a millisecond, or a few for one of 10 MB.
   * @throws IMAGE_TYPE_UNSUPPORTED, IMAGE_DIMENSIONS_EXCEEDED, IMAGE_UNDECODABLE
   */
  inspect(bytes: Uint8Array): InspectedImage;
  /** Decodes, unless that is left to the thread that runs the model. Parameters and errors are those of `decode`. */
  prepare(image: InspectedImage, signal?: AbortSignal, traffic?: Traffic): Promise<PreparedImage>;
  /**
   * Decodes here whatever it is; the bytes must not change before the promise settles.
   * @param signal rejects with its reason; what is being decoded then is given up a little later
   * @param traffic whose turn it takes; default single
   * @throws IMAGE_DIMENSIONS_EXCEEDED, IMAGE_UNDECODABLE, OVERLOADED, WORKER_LOST
   */
  decode(image: InspectedImage, signal?: AbortSignal, traffic?: Traffic): Promise<DecodedImage>;
  /** Expected time to draw on an image, milliseconds of one process; it is decoded once more for it. */
  drawMs(image: InspectedImage, order: Omit<DrawingOrder, 'shapes'>): number;
  /** Decodes an image, draws on it and encodes it. Parameters and errors are those of `decode`. */
  draw(image: InspectedImage, order: DrawingOrder, signal?: AbortSignal): Promise<Picture>;
  /** What the thread that runs the model took for an image: the next estimates are made of it. */
  observe(image: InspectedImage, tookMs: number): void;
  /** Settles when all processes are there; rejects with WORKER_LOST where none starts. */
  started(): Promise<void>;
  /** Images being decoded, also those that are drawn on. */
  readonly active: number;
  /** Images waiting for their turn. */
  readonly waiting: number;
  waitingOf(traffic: Traffic): number;
  /** Of those that wait or are being decoded, how many are for pictures, and not for the model. */
  readonly drawing: number;
  /** Expected milliseconds of decoding, summed over images, until so much more of this traffic has been decoded. */
  backlogMs(traffic: Traffic, moreMs: number): number;
  /** So many images are decoded side by side. */
  readonly lanes: number;
  /** Names of the decoders in use, preferred first. */
  readonly decoders: readonly string[];
  /** Processes that decode. */
  readonly pids: readonly number[];
  /** Waits for what is being decoded or waits for it, then ends the processes. */
  close(): Promise<void>;
  /** Ends the processes now; what they had gets WORKER_LOST. */
  destroy(): Promise<void>;
}

const DEFAULT_FORMATS: ReadonlySet<ImageFormat> = new Set(['jpeg', 'png', 'webp']);
const DEFAULT_MAX_WAITING = 1000;
/** Pixels, as decoded, from which on a JPEG goes to a process: the threads that decode keep a buffer for the largest. */
const MAX_PIXELS_HERE = 8_000_000;
/**
 * CPU time that an image may take: some, and more for each pixel, ten times what an ordinary one takes and more than
 * twice what the dearest do (docs/decisions/0011-decode-processes.md).
 */
const CPU_LIMIT_MS = 2000;
const CPU_LIMIT_NS_PER_PIXEL = 500;
/** On top of that, for labels without end, masks, and encoding whatever noise. */
const DRAW_CPU_LIMIT_MS = 8000;
/** No picture has fewer pixels: those of a small image are repeated. */
const MIN_PICTURE_PIXELS = 160_000;

export function createDecoder(options: DecoderOptions): Decoder {
  return new QueuedDecoder(options);
}

class QueuedDecoder implements Decoder {
  readonly lanes: number;
  readonly decoders: readonly string[];
  readonly #options: DecoderOptions;
  readonly #inspectOptions: InspectOptions;
  readonly #costs = new DecodeCosts();
  readonly #drawCosts = new DrawCosts();
  readonly #queue: DecodeQueue;
  readonly #processes: DecodeProcesses;
  readonly #onPool: ImageDecoder | undefined;
  #drawing = 0;

  constructor(options: DecoderOptions) {
    const { formats = DEFAULT_FORMATS, maxPixels, spec, concurrency, fastDecoders } = options;
    const turbo = fastDecoders === 'off' ? undefined : loadJpegTurbo(MAX_PIXELS_HERE);
    const onThread = fastDecoders === 'thread' ? turbo : undefined;
    const goesToThread: InspectOptions['goesToThread'] = (bytes, header) =>
      onThread?.accepts(requestOf(bytes, header, spec)) ?? false;
    this.lanes = concurrency;
    const webp = fastDecoders === 'off' ? undefined : loadWebpDecoder();
    this.decoders = [turbo, webp].flatMap((fast) => fast?.name ?? []).concat('sharp');
    this.#options = options;
    this.#inspectOptions = { formats, maxPixels, costs: this.#costs, goesToThread };
    this.#onPool = fastDecoders === 'pool' ? turbo : undefined;
    this.#queue = new DecodeQueue(concurrency, options.maxWaiting ?? DEFAULT_MAX_WAITING);
    this.#processes = new DecodeProcesses({
      formats: [...formats],
      maxPixels,
      spec,
      reduce: options.reduce ?? 'auto',
      fastDecoders: fastDecoders !== 'off',
      processes: concurrency,
      onLost: options.onProcessLost,
    });
  }

  get active(): number {
    return this.#queue.active;
  }

  get waiting(): number {
    return this.#queue.waiting;
  }

  get drawing(): number {
    return this.#drawing;
  }

  waitingOf(traffic: Traffic): number {
    return this.#queue.waitingOf(traffic);
  }

  backlogMs(traffic: Traffic, moreMs: number): number {
    return this.#queue.backlogMs(traffic, moreMs);
  }

  get pids(): readonly number[] {
    return this.#processes.pids;
  }

  inspect(bytes: Uint8Array): InspectedImage {
    return inspect(bytes, this.#inspectOptions);
  }

  async prepare(image: InspectedImage, signal?: AbortSignal, traffic?: Traffic): Promise<PreparedImage> {
    signal?.throwIfAborted();
    const { bytes, header, format } = image;
    if (image.onThread && header !== undefined) {
      const { width, height } = header;
      return { image: { jpeg: bytes, width, height }, format, width, height };
    }
    const { pixels, ...rest } = await this.decode(image, signal, traffic);
    return { image: pixels, ...rest };
  }

  decode(image: InspectedImage, signal?: AbortSignal, traffic?: Traffic): Promise<DecodedImage> {
    return this.#queue.run(() => this.#decodeNow(image, signal), image.decodeMs, signal, traffic);
  }

  drawMs(image: InspectedImage, { format, maxSide }: Omit<DrawingOrder, 'shapes'>): number {
    const decodeMs = this.#costs.estimateMs(image.format, image.work.pixels);
    return decodeMs + this.#drawCosts.estimateMs(format, picturePixels(image, maxSide));
  }

  async draw(image: InspectedImage, order: DrawingOrder, signal?: AbortSignal): Promise<Picture> {
    this.#drawing += 1;
    try {
      return await this.#queue.run(
        () => this.#drawNow(image, order, signal),
        this.drawMs(image, order),
        signal,
      );
    } finally {
      this.#drawing -= 1;
    }
  }

  observe({ work }: InspectedImage, tookMs: number): void {
    this.#costs.observe(work.kind, work.pixels, tookMs);
  }

  started(): Promise<void> {
    return this.#processes.started();
  }

  async close(): Promise<void> {
    await this.#queue.idle();
    await this.#processes.close();
  }

  destroy(): Promise<void> {
    return this.#processes.destroy();
  }

  async #decodeNow(image: InspectedImage, signal: AbortSignal | undefined): Promise<DecodedImage> {
    const { bytes, format, header, work } = image;
    const fast = header && (await decodeFast(this.#onPool, requestOf(bytes, header, this.#options.spec)));
    if (fast !== undefined) return fast;
    signal?.throwIfAborted();
    const maxCpuMs = this.#maxCpuMs(image);
    const reply = await this.#processes.run({ format, maxCpuMs }, bytes, signal);
    // The first image of a process pays for its start, and what was handed back was costed as something else.
    if (reply.isWarm && work.kind === format) this.#costs.observe(format, work.pixels, reply.decodeMs);
    return reply.image;
  }

  async #drawNow(
    image: InspectedImage,
    order: DrawingOrder,
    signal: AbortSignal | undefined,
  ): Promise<Picture> {
    const { format } = order;
    const job = { format: image.format, maxCpuMs: this.#maxCpuMs(image) + DRAW_CPU_LIMIT_MS };
    const { picture, drawMs, isWarm } = await this.#processes.draw(job, order, image.bytes, signal);
    if (isWarm) this.#drawCosts.observe(format, picturePixels(image, order.maxSide), drawMs);
    return { bytes: picture, format };
  }

  #maxCpuMs({ work }: InspectedImage): number {
    const limitMs = CPU_LIMIT_MS + (work.pixels * CPU_LIMIT_NS_PER_PIXEL) / 1e6;
    return Math.min(limitMs, this.#options.maxCpuMs ?? limitMs);
  }
}

/** About so many: the size of some images is known to their decoder alone. */
function picturePixels({ work }: InspectedImage, maxSide: number): number {
  return Math.max(MIN_PICTURE_PIXELS, Math.min(work.pixels, maxSide * maxSide));
}

function requestOf(bytes: Uint8Array, header: ImageHeader, spec: InputSpec): DecodeRequest {
  return { bytes, format: 'jpeg', header, reducedTo: undefined, jpegDivisor: jpegDivisor(spec, header) };
}
