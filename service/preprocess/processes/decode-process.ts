import { writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { drawPicture } from '../../drawing/draw-picture.js';
import { reducedTo } from '../../drawing/picture-size.js';
import type { Shape } from '../../drawing/shapes.js';
import { messageOf, type RequestErrorCode, ServiceError } from '../../errors.js';
import { decodeFile } from '../decode-file.js';
import type { ImageDecoder } from '../decoders/image-decoder.js';
import { loadJpegTurbo } from '../decoders/jpeg-turbo.js';
import { loadWebpDecoder } from '../decoders/libwebp.js';
import { createSharpDecoder } from '../decoders/sharp.js';
import type { ImageFormat } from '../image.js';
import { PixelResizer } from '../pixel-resizer.js';
import { NO_REDUCTION, type Reduction, reductionFor, type Size } from '../reduction.js';
import { FrameReader, writeFrame } from './frame.js';
import type { DecodeAnswer, DecodeJob, DecodeProcessInit } from './messages.js';
import { ProcessMemory } from './process-memory.js';

/** The end of the pipe that the service holds the other end of. */
const PIPE_FD = 3;
/** The service has bounded the file already. */
const MAX_FILE_BYTES = 2 ** 32 - 1;
const CPU_CHECK_MS = 100;

// A terminal sends Ctrl-C to all processes: the service decides when this one ends.
process.on('SIGINT', () => undefined).on('SIGTERM', () => undefined);

offerToOomKiller();

const init = JSON.parse(process.argv[2] ?? '{}') as DecodeProcessInit;
const sharp = createSharpDecoder(init.formats, init.maxPixels);
const memory = new ProcessMemory();
const resizer = new PixelResizer(init.spec);
const fastDecoders = new Map<ImageFormat, ImageDecoder | undefined>();
const pipe = new Socket({ fd: PIPE_FD });
const reader = new FrameReader<DecodeJob>(
  MAX_FILE_BYTES,
  (job, file) => void serve(job, new Uint8Array(file)),
);

// Without the service there is nothing to do, and what is being decoded cannot be ended otherwise.
pipe.on('close', () => process.kill(process.pid, 'SIGKILL'));
pipe.on('error', () => pipe.destroy());
pipe.on('data', (chunk) => reader.push(chunk));
writeFrame(pipe, { type: 'ready' });

/** Where memory runs out it is this process that goes, with one request, and not the service. */
function offerToOomKiller(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '500');
  } catch {
    // Not Linux, or not allowed: the kernel chooses by size.
  }
}

function send(answer: DecodeAnswer, ...body: Uint8Array[]): void {
  writeFrame(pipe, answer, body, () => setImmediate(() => memory.collect()));
}

/** One file at a time: the service sends the next after the answer. */
async function serve(job: DecodeJob, body: Uint8Array): Promise<void> {
  memory.begin();
  const watch = watchCpu(job.maxCpuMs);
  try {
    const answer = job.drawing === undefined ? decode(job, body) : draw(job, job.drawing, body);
    const { head, bytes } = await answer;
    if (!watch.isOver()) send(head, bytes);
  } catch (error) {
    if (!watch.isOver()) send(refusal(error));
  } finally {
    watch.stop();
    memory.end();
  }
}

interface Answer {
  readonly head: DecodeAnswer;
  readonly bytes: Uint8Array;
}

async function decode({ format }: DecodeJob, file: Uint8Array): Promise<Answer> {
  const startedAt = performance.now();
  const isForModel = init.reduce === 'auto';
  const reduce = (image: Size): Reduction =>
    isForModel ? reductionFor(init.spec, image, format) : NO_REDUCTION;
  const options = { maxPixels: init.maxPixels, reduce };
  const fast = init.fastDecoders ? fastDecoderOf(format) : undefined;
  const { pixels, width, height } = await decodeFile({ fast, sharp }, file, format, options);
  const {
    width: pixelWidth,
    height: pixelHeight,
    data,
  } = isForModel ? resizer.resize(pixels, { width, height }) : pixels;
  const decodeMs = performance.now() - startedAt;
  const head = { type: 'decoded', pixelWidth, pixelHeight, width, height, decodeMs } as const;
  return { head, bytes: new Uint8Array(data, 0, pixelWidth * pixelHeight * 3) };
}

/** Loaded when it is needed for the first time: libjpeg-turbo takes 5 MB. */
function fastDecoderOf(format: ImageFormat): ImageDecoder | undefined {
  if (!fastDecoders.has(format)) fastDecoders.set(format, loadFastDecoder(format));
  return fastDecoders.get(format);
}

function loadFastDecoder(format: ImageFormat): ImageDecoder | undefined {
  const takePixels = (bytes: number): Buffer => memory.takePixels(bytes);
  if (format === 'jpeg') return loadJpegTurbo(Number.POSITIVE_INFINITY, takePixels);
  return format === 'webp' ? loadWebpDecoder(takePixels) : undefined;
}

async function draw(
  { format }: DecodeJob,
  drawing: NonNullable<DecodeJob['drawing']>,
  body: Uint8Array,
): Promise<Answer> {
  const end = body.byteLength - drawing.shapesBytes;
  const shapes = JSON.parse(Buffer.from(body.subarray(end)).toString()) as Shape[];
  const decoded = await decodeFile({ sharp }, body.subarray(0, end), format, {
    maxPixels: init.maxPixels,
    reduce: (image) => ({ ...NO_REDUCTION, reducedTo: reducedTo(image, drawing.maxSide) }),
  });
  const startedAt = performance.now();
  const bytes = await drawPicture(decoded.pixels, decoded, { shapes, format: drawing.format });
  return { head: { type: 'drawn', drawMs: performance.now() - startedAt }, bytes };
}

/** CPU time, not time that passes: a file is not to blame for what else this machine does. */
function watchCpu(maxCpuMs: number): { isOver(): boolean; stop(): void } {
  const before = process.cpuUsage();
  let over = false;
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1000 < maxCpuMs) return;
    over = true;
    clearInterval(timer);
    send({ type: 'too-long' });
  }, CPU_CHECK_MS);
  return { isOver: () => over, stop: () => clearInterval(timer) };
}

function refusal(error: unknown): DecodeAnswer {
  const { code, message, cause } =
    error instanceof ServiceError
      ? error
      : new ServiceError('INTERNAL', 'Decoding failed.', { cause: error });
  const words = cause === undefined ? undefined : messageOf(cause).slice(0, 1000);
  return { type: 'refused', code: code as RequestErrorCode, detail: message, cause: words };
}
