import { messageOf } from '../errors.js';
import type { InputSpec, Pixels } from '../preprocess/image.js';
import { createResampler, type Resampler } from '../preprocess/resample.js';
import type { ItemResult, OutputTensor, RunResult, TensorPlan } from './runner.js';
import type { RawOutput, Session, TensorData } from './session.js';

/** A run of the batch, or of one image of it. */
type Part = Omit<RunResult, 'buffers'>;

/** A session together with all that turns a batch of images into its input and its output into answers. */
export class PreparedModel {
  readonly #session: Session;
  readonly #plan: TensorPlan;
  readonly #resampler: Resampler;
  readonly #elementsPerImage: number;
  /** The input of every run: one at a time is under way, and each writes all that it uses. */
  #tensor: TensorData;

  constructor(session: Session, plan: TensorPlan) {
    this.#session = session;
    this.#plan = plan;
    this.#resampler = createResampler(plan.input);
    this.#elementsPerImage = product(tensorShape(plan.input, 1));
    this.#tensor = allocate(plan.input, (plan.fixedBatch ?? 1) * this.#elementsPerImage);
  }

  async run(batch: readonly Pixels[]): Promise<RunResult> {
    const parts = await this.#runIsolated(batch);
    return {
      buffers: batch.map(({ data }) => data),
      items: parts.flatMap(({ items }) => items),
      resampleMs: parts.reduce((sum, { resampleMs }) => sum + resampleMs, 0),
      runMs: parts.reduce((sum, { runMs }) => sum + runMs, 0),
    };
  }

  /** Runs the batch; when the engine refuses it, runs each image alone, so that only the culprit fails. */
  async #runIsolated(batch: readonly Pixels[]): Promise<Part[]> {
    try {
      return [await this.#runTogether(batch)];
    } catch (error) {
      if (batch.length === 1) return [{ items: [{ failure: messageOf(error) }], resampleMs: 0, runMs: 0 }];
      const alone: Part[] = [];
      for (const image of batch) alone.push(...(await this.#runIsolated([image])));
      return alone;
    }
  }

  async #runTogether(batch: readonly Pixels[]): Promise<Part> {
    const startedAt = performance.now();
    const { inputName, input, outputNames, fixedBatch } = this.#plan;
    const rows = fixedBatch ?? batch.length;
    const tensor = this.#tensorFor(rows);
    for (const [index, pixels] of batch.entries()) {
      this.#resampler.resampleInto(pixels, tensor, index * this.#elementsPerImage);
    }
    const resampledAt = performance.now();
    const raw = await this.#session.run(inputName, tensor, tensorShape(input, rows), outputNames);
    return {
      items: split(raw, batch.length, rows),
      resampleMs: resampledAt - startedAt,
      runMs: performance.now() - resampledAt,
    };
  }

  #tensorFor(rows: number): TensorData {
    const elements = rows * this.#elementsPerImage;
    if (this.#tensor.length < elements) this.#tensor = allocate(this.#plan.input, elements);
    return this.#tensor.subarray(0, elements);
  }
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

/** Takes the batch dimension off. Each image's values share one buffer per output. */
function split(raw: Map<string, RawOutput>, images: number, rows: number): ItemResult[] {
  return Array.from({ length: images }, (_, index) => ({
    outputs: [...raw].map(([name, output]) => row(name, output, index, rows)),
  }));
}

function row(name: string, output: RawOutput, index: number, rows: number): OutputTensor {
  if (output.shape[0] !== rows) {
    throw new Error(`output ${name} has ${output.shape[0]} rows for a batch of ${rows}`);
  }
  const length = output.data.length / rows;
  return {
    name,
    data: output.data.subarray(index * length, (index + 1) * length),
    shape: output.shape.slice(1),
  };
}
