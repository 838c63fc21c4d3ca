import { DecodeCosts } from './decode-costs.js';
import { DecodeQueue } from './decode-queue.js';
import type { DecodeRequest, ImageDecoder, ImageHeader } from './decoders/image-decoder.js';
import { loadJpegTurbo } from './decoders/jpeg-turbo.js';
import type { DecodedImage, ImageFormat, InputSpec, PreparedImage } from './image.js';
import { type InspectedImage, inspect } from './inspect.js';
import { DecodeProcesses } from './processes/decode-processes.js';
import { reducedSize } from './reduction.js';

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
   * which gets them as they are. Off, or where it is not installed: by a process, as all others.
   */
  readonly jpegTurbo: 'pool' | 'thread' | 'off';
  /** auto (default): images far larger than the input are decoded at a fraction of their size, see reduction.ts. */
  readonly reduce?: 'auto' | 'off';
  /** CPU time that one image may take, milliseconds. Default: far more than any honest one of `maxPixels` takes. */
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
  prepare(image: InspectedImage, signal?: AbortSignal): Promise<PreparedImage>;
  /**
   * Decodes here whatever it is; the bytes must not change before the promise settles.
   * @param signal rejects with its reason; what is being decoded then is given up a little later
   * @throws IMAGE_DIMENSIONS_EXCEEDED, IMAGE_UNDECODABLE, OVERLOADED, WORKER_LOST
   */
  decode(image: InspectedImage, signal?: AbortSignal): Promise<DecodedImage>;
  /** What the thread that runs the model took for an image: the next estimates are made of it. */
  observe(image: InspectedImage, tookMs: number): void;
  /** Settles when images can be decoded; rejects with WORKER_LOST where no process starts. */
  started(): Promise<void>;
  /** Images being decoded. */
  readonly active: number;
  /** Images waiting for their turn. */
  readonly waiting: number;
  /** Expected milliseconds of decoding that wait or run now, summed over images. */
  readonly backlogMs: number;
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
/** CPU time that any image may take, and what a pixel may take: several times the dearest honest ones (0011). */
const MIN_CPU_LIMIT_MS = 10_000;
const CPU_LIMIT_NS_PER_PIXEL = 500;

export function createDecoder(options: DecoderOptions): Decoder {
  const { formats = DEFAULT_FORMATS, maxPixels, spec, concurrency, reduce = 'auto' } = options;
  const turbo = options.jpegTurbo === 'off' ? undefined : loadJpegTurbo();
  const onPool = options.jpegTurbo === 'pool' ? turbo : undefined;
  const onThread = options.jpegTurbo === 'thread' ? turbo : undefined;
  const costs = new DecodeCosts();
  const queue = new DecodeQueue(concurrency, options.maxWaiting ?? DEFAULT_MAX_WAITING);
  const maxCpuMs = options.maxCpuMs ?? Math.max(MIN_CPU_LIMIT_MS, (maxPixels * CPU_LIMIT_NS_PER_PIXEL) / 1e6);
  const processes = new DecodeProcesses({
    formats: [...formats],
    maxPixels,
    spec,
    reduce,
    maxCpuMs,
    processes: concurrency,
    onLost: options.onProcessLost,
  });
  const requestOf = (bytes: Uint8Array, header: ImageHeader): DecodeRequest => {
    const reducedTo = reduce === 'off' ? undefined : reducedSize(spec, header);
    return { bytes, format: 'jpeg', header, reducedTo };
  };
  const goesToThread = (bytes: Uint8Array, header: ImageHeader): boolean =>
    onThread?.accepts(requestOf(bytes, header)) ?? false;
  const decodeNow = async (image: InspectedImage, signal: AbortSignal | undefined): Promise<DecodedImage> => {
    const { bytes, format, header, work } = image;
    const fast = header && (await decodeFast(onPool, requestOf(bytes, header)));
    if (fast !== undefined) return fast;
    signal?.throwIfAborted();
    const reply = await processes.run({ format }, bytes, signal);
    if (work.kind === format) costs.observe(format, work.pixels, reply.decodeMs);
    return reply.image;
  };
  const decode: Decoder['decode'] = async (image, signal) =>
    queue.run(() => decodeNow(image, signal), image.decodeMs, signal);
  return {
    inspect: (bytes) => inspect(bytes, { formats, maxPixels, costs, goesToThread }),
    decode,
    prepare: async (image, signal) => {
      signal?.throwIfAborted();
      const { bytes, header, format } = image;
      if (image.onThread && header !== undefined) {
        const { width, height } = header;
        return { image: { jpeg: bytes, width, height }, format, width, height };
      }
      const { pixels, ...rest } = await decode(image, signal);
      return { image: pixels, ...rest };
    },
    observe: ({ work }, tookMs) => costs.observe(work.kind, work.pixels, tookMs),
    started: () => processes.started(),
    get active() {
      return queue.active;
    },
    get waiting() {
      return queue.waiting;
    },
    get backlogMs() {
      return queue.backlogMs;
    },
    get pids() {
      return processes.pids;
    },
    lanes: concurrency,
    decoders: [...(turbo === undefined ? [] : [turbo.name]), 'sharp'],
    close: async () => {
      await queue.idle();
      await processes.close();
    },
    destroy: () => processes.destroy(),
  };
}

/** Undefined where the decode processes have to judge: errors are the same whichever decoder ran. */
async function decodeFast(
  fast: ImageDecoder | undefined,
  request: DecodeRequest,
): Promise<DecodedImage | undefined> {
  if (!fast?.accepts(request)) return undefined;
  try {
    const pixels = await fast.decode(request);
    return { pixels, format: request.format, width: pixels.width, height: pixels.height };
  } catch {
    return undefined;
  }
}
