import { messageOf } from '../errors.js';
import { loadThreadDecoder } from '../preprocess/decoders/jpeg-turbo.js';
import type { InputSpec, ModelImage, Pixels } from '../preprocess/image.js';
import { createResampler, type Resampler } from '../preprocess/resample.js';
import type { ItemResult, OutputTensor, RunResult, TensorPlan } from './runner.js';
import type { RawOutput, Session, TensorData } from './session.js';

/** The images of a batch that could be decoded, in their rows of the input tensor. */
interface Filled {
  readonly rows: number;
  /** Of each image of the batch: the file, where it has no row. */
  readonly returned: readonly (Uint8Array | undefined)[];
  readonly decodeMs: readonly number[];
  readonly resampleMs: number;
}

/** A session together with all that turns a batch of images into its input and its output into answers. */
export class PreparedModel {
  readonly #session: Session;
  readonly #plan: TensorPlan;
  readonly #decoder = loadThreadDecoder();
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

  async run(batch: readonly ModelImage[]): Promise<RunResult> {
    const parts = await this.#runIsolated(batch);
    return {
      items: parts.flatMap(({ items }) => items),
      decodeMs: parts.flatMap(({ decodeMs }) => decodeMs),
      resampleMs: parts.reduce((sum, { resampleMs }) => sum + resampleMs, 0),
      runMs: parts.reduce((sum, { runMs }) => sum + runMs, 0),
    };
  }

  /** Runs the batch; when the engine refuses it, runs each image alone, so that only the culprit fails. */
  async #runIsolated(batch: readonly ModelImage[]): Promise<RunResult[]> {
    try {
      return [await this.#runTogether(batch)];
    } catch (error) {
      if (batch.length === 1)
        return [{ items: [{ failure: messageOf(error) }], decodeMs: [0], resampleMs: 0, runMs: 0 }];
      const alone: RunResult[] = [];
      for (const image of batch) alone.push(...(await this.#runIsolated([image])));
      return alone;
    }
  }

  async #runTogether(batch: readonly ModelImage[]): Promise<RunResult> {
    const { rows, returned, ...times } = this.#fill(batch);
    const startedAt = performance.now();
    const outputs = rows === 0 ? [] : await this.#runRows(rows);
    const runMs = performance.now() - startedAt;
    let row = 0;
    const items = returned.map((file): ItemResult => {
      return file === undefined ? { outputs: outputs[row++] ?? [] } : { returned: file };
    });
    return { items, ...times, runMs };
  }

  /** Each image is decoded and resampled before the next: they share the decoder's memory. */
  #fill(batch: readonly ModelImage[]): Filled {
    const tensor = this.#tensorFor(batch.length);
    const returned: (Uint8Array | undefined)[] = [];
    const decodeMs: number[] = [];
    let rows = 0;
    let resampleMs = 0;
    for (const image of batch) {
      const startedAt = performance.now();
      const pixels = this.#pixelsOf(image);
      const decodedAt = performance.now();
      if (pixels !== undefined) {
        this.#resampler.resampleInto(pixels, tensor, rows++ * this.#elementsPerImage);
      }
      returned.push(pixels === undefined && 'jpeg' in image ? image.jpeg : undefined);
      decodeMs.push('jpeg' in image ? decodedAt - startedAt : 0);
      resampleMs += performance.now() - decodedAt;
    }
    return { rows, returned, decodeMs, resampleMs };
  }

  /** Undefined where they cannot be had here. */
  #pixelsOf(image: ModelImage): Pixels | undefined {
    if (!('jpeg' in image)) return image;
    try {
      return this.#decoder?.decode(image);
    } catch {
      return undefined;
    }
  }

  /** The outputs of the first rows of the input tensor. */
  async #runRows(images: number): Promise<OutputTensor[][]> {
    const { inputName, input, outputNames, fixedBatch } = this.#plan;
    const rows = fixedBatch ?? images;
    const raw = await this.#session.run(
      inputName,
      this.#tensorFor(rows),
      tensorShape(input, rows),
      outputNames,
    );
    return split(raw, images, rows);
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
function split(raw: Map<string, RawOutput>, images: number, rows: number): OutputTensor[][] {
  return Array.from({ length: images }, (_, index) =>
    [...raw].map(([name, output]) => rowOf(name, output, index, rows)),
  );
}

function rowOf(name: string, output: RawOutput, index: number, rows: number): OutputTensor {
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
