import { messageOf, ServiceError } from '../errors.js';
import { loadThreadDecoder } from '../preprocess/decoders/jpeg-turbo.js';
import { inputFor, tensorToImage } from '../preprocess/geometry.js';
import { fileOf, type InputSpec, type Pixels, pixelsOf } from '../preprocess/image.js';
import { jpegDivisor } from '../preprocess/reduction.js';
import { createResampler, type Resampler } from '../preprocess/resample.js';
import type { RowStatistics } from '../statistics/image-statistics.js';
import { PixelSampler, type PixelStatistics } from '../statistics/pixel-sampler.js';
import type { Outputs, Task } from '../tasks/task.js';
import { taskNamed } from '../tasks/tasks.js';
import { checkRows, outputsOfRow } from './output-rows.js';
import type { Row, RowResult, RowTimes, RunPlan, RunResult } from './runner.js';
import type { Mask, RawOutputs, Session, TensorData } from './session.js';

/** The images of a batch that could be decoded, in their rows of the input tensor. */
interface Filled {
  readonly rows: number;
  /** Of each image of the batch: the file, where it has no row. */
  readonly returned: readonly (Uint8Array | undefined)[];
  readonly decodeMs: readonly number[];
  readonly resampleMs: number;
  /** Of each row; none where none are taken. */
  readonly statistics: readonly PixelStatistics[];
}

/** How images become tensors: the same for all, or for one image of a size of its own. */
interface Shape {
  readonly input: InputSpec;
  readonly resampler: Resampler;
  readonly elementsPerImage: number;
}

/** A session together with all that turns a batch of rows into its input and its outputs into answers. */
export class PreparedModel {
  readonly #session: Session;
  readonly #plan: RunPlan;
  readonly #task: Task;
  readonly #decoder = loadThreadDecoder();
  readonly #shape: Shape;
  readonly #sampler: PixelSampler | undefined;
  /** The input of every run: one at a time is under way, and each writes all that it uses. */
  #tensor: TensorData;

  constructor(session: Session, plan: RunPlan) {
    this.#session = session;
    this.#plan = plan;
    const task = taskNamed(plan.task.name);
    if (task === undefined) throw new Error(`there is no task ${plan.task.name}`);
    this.#task = task;
    this.#shape = shapeOf(plan.input);
    this.#sampler = plan.takesStatistics === true ? new PixelSampler() : undefined;
    this.#tensor = allocate(plan.input, (plan.fixedBatch ?? 1) * this.#shape.elementsPerImage);
  }

  async run(batch: readonly Row[]): Promise<RunResult> {
    const parts = await this.#runIsolated(batch);
    return {
      items: parts.flatMap(({ items }) => items),
      times: parts.flatMap(({ times }) => times),
      resampleMs: parts.reduce((sum, { resampleMs }) => sum + resampleMs, 0),
      runMs: parts.reduce((sum, { runMs }) => sum + runMs, 0),
    };
  }

  /** Runs the batch; when the engine refuses it, runs each row alone, so that only the culprit fails. */
  async #runIsolated(batch: readonly Row[]): Promise<RunResult[]> {
    try {
      return [await this.#runTogether(batch)];
    } catch (error) {
      if (batch.length === 1) return [failed(error)];
      const alone: RunResult[] = [];
      for (const row of batch) alone.push(...(await this.#runIsolated([row])));
      return alone;
    }
  }

  async #runTogether(batch: readonly Row[]): Promise<RunResult> {
    const shape = this.#shapeFor(batch[0]);
    const { rows, returned, decodeMs, resampleMs, statistics } = this.#fill(batch, shape);
    const startedAt = performance.now();
    const outputs: RawOutputs = rows === 0 ? new Map() : await this.#runRows(rows, shape);
    const runMs = performance.now() - startedAt;
    let next = 0;
    const items: RowResult[] = [];
    const times: RowTimes[] = [];
    for (const [index, row] of batch.entries()) {
      const interpretedAt = performance.now();
      const file = returned[index];
      if (file === undefined) {
        items.push(this.#interpret(row, outputs, next, shape, statistics[next]));
        next += 1;
      } else items.push({ returned: file });
      times.push({ decodeMs: decodeMs[index] ?? 0, interpretMs: performance.now() - interpretedAt });
    }
    return { items, times, resampleMs, runMs };
  }

  /** Images that have a size of their own in the tensor run one by one. */
  #shapeFor(row: Row | undefined): Shape {
    if (row === undefined) return this.#shape;
    const input = inputFor(this.#plan.input, row.width, row.height);
    return input === this.#plan.input ? this.#shape : shapeOf(input);
  }

  #interpret(
    row: Row,
    outputs: RawOutputs,
    index: number,
    { input }: Shape,
    pixels: PixelStatistics | undefined,
  ): RowResult {
    const { task, outputs: wanted } = this.#plan;
    const { image, width, height, parameters, isKept } = row;
    const own = outputsOfRow(outputs, wanted, index);
    try {
      const geometry = { width, height, tensor: input, toImage: tensorToImage(input, width, height) };
      const answer = this.#task.interpret(own, geometry, parameters, task.spec);
      const file = isKept ? fileOf(image) : undefined;
      const statistics = pixels && this.#statistics(pixels, own);
      return { answer, ...(file && { file }), ...(statistics && { statistics }) };
    } catch (error) {
      return { failure: failureOf(error) };
    }
  }

  #statistics(pixels: PixelStatistics, outputs: Outputs): RowStatistics {
    const entropy = this.#task.entropy?.(outputs, this.#plan.task.spec);
    return entropy === undefined ? pixels : { ...pixels, entropy };
  }

  /** Each image is decoded and resampled before the next: they share the decoder's memory. */
  #fill(batch: readonly Row[], { resampler, elementsPerImage }: Shape): Filled {
    const tensor = this.#tensorFor(batch.length * elementsPerImage);
    const returned: (Uint8Array | undefined)[] = [];
    const decodeMs: number[] = [];
    const statistics: PixelStatistics[] = [];
    let rows = 0;
    let resampleMs = 0;
    for (const { image } of batch) {
      const file = fileOf(image);
      const startedAt = performance.now();
      const pixels = this.#pixelsOf(image);
      const decodedAt = performance.now();
      if (pixels !== undefined) {
        resampler.resampleInto(pixels, tensor, rows++ * elementsPerImage, this.#sampler);
        if (this.#sampler !== undefined) statistics.push(this.#sampler.result());
      }
      returned.push(pixels === undefined ? file : undefined);
      decodeMs.push(file === undefined ? 0 : decodedAt - startedAt);
      resampleMs += performance.now() - decodedAt;
    }
    return { rows, returned, decodeMs, resampleMs, statistics };
  }

  /** Undefined where they cannot be had here. */
  #pixelsOf(image: Row['image']): Pixels | undefined {
    try {
      return pixelsOf(image, (file) => {
        if (this.#decoder === undefined) throw new Error('there is no decoder here');
        return this.#decoder.decode(file, jpegDivisor(this.#plan.input, file));
      });
    } catch {
      return undefined;
    }
  }

  /** The outputs of the first rows of the input tensor. */
  async #runRows(rows: number, { input, elementsPerImage }: Shape): Promise<RawOutputs> {
    const { inputName, outputs, fixedBatch, hasBatch } = this.#plan;
    const size = fixedBatch ?? rows;
    const names = outputs.map(({ name }) => name);
    const shape = tensorShape(input, size);
    const raw = await this.#session.run(
      inputName,
      this.#tensorFor(size * elementsPerImage),
      hasBatch ? shape : shape.slice(1),
      names,
      this.#maskFor(size, input),
    );
    checkRows(raw, outputs, size);
    return raw;
  }

  #maskFor(rows: number, input: InputSpec): Mask | undefined {
    const { mask } = this.#plan;
    return mask && { name: mask.name, shape: [rows, mask.height ?? input.height, mask.width ?? input.width] };
  }

  #tensorFor(elements: number): TensorData {
    if (this.#tensor.length < elements) this.#tensor = allocate(this.#plan.input, elements);
    return this.#tensor.subarray(0, elements);
  }
}

function failed(error: unknown): RunResult {
  return {
    items: [{ failure: failureOf(error) }],
    times: [{ decodeMs: 0, interpretMs: 0 }],
    resampleMs: 0,
    runMs: 0,
  };
}

function failureOf(error: unknown): { reason: string; detail: string | undefined } {
  if (!(error instanceof ServiceError)) return { reason: messageOf(error), detail: undefined };
  return { reason: messageOf(error.cause ?? error), detail: error.message };
}

function shapeOf(input: InputSpec): Shape {
  return {
    input,
    resampler: createResampler(input),
    elementsPerImage: product(tensorShape(input, 1)),
  };
}

function tensorShape(input: InputSpec, rows: number): number[] {
  const channels = input.channels === 'grey' ? 1 : 3;
  return input.layout === 'NCHW'
    ? [rows, channels, input.height, input.width]
    : [rows, input.height, input.width, channels];
}

function product(shape: readonly number[]): number {
  return shape.reduce((result, dimension) => result * dimension, 1);
}

function allocate(input: InputSpec, elements: number): TensorData {
  if (input.type === 'uint8') return new Uint8Array(elements);
  return input.type === 'float16' ? new Uint16Array(elements) : new Float32Array(elements);
}
