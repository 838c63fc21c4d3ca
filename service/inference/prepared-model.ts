import { messageOf } from '../errors.js';
import type { InputSpec, Pixels } from '../preprocess/image.js';
import { createResampler, type Resampler } from '../preprocess/resample.js';
import type { ItemResult, OutputTensor, RunResult, TensorPlan } from './runner.js';
import type { RawOutput, Session, TensorData } from './session.js';

/** A session together with all that turns a batch of images into its input and its output into answers. */
export interface PreparedModel {
  run(batch: readonly Pixels[]): Promise<RunResult>;
}

interface Stopwatch {
  resampleMs: number;
  runMs: number;
}

export function prepareModel(session: Session, plan: TensorPlan): PreparedModel {
  const resampler = createResampler(plan.input);
  return {
    async run(batch) {
      const watch: Stopwatch = { resampleMs: 0, runMs: 0 };
      const items = await runIsolated(session, plan, resampler, batch, watch);
      return { items, ...watch };
    },
  };
}

/** Runs the batch; when the engine refuses it, runs each image alone, so that only the culprit fails. */
async function runIsolated(
  session: Session,
  plan: TensorPlan,
  resampler: Resampler,
  batch: readonly Pixels[],
  watch: Stopwatch,
): Promise<ItemResult[]> {
  try {
    return await runTogether(session, plan, resampler, batch, watch);
  } catch (error) {
    if (batch.length === 1) return [{ failure: messageOf(error) }];
    const alone: ItemResult[] = [];
    for (const image of batch) alone.push(...(await runIsolated(session, plan, resampler, [image], watch)));
    return alone;
  }
}

async function runTogether(
  session: Session,
  plan: TensorPlan,
  resampler: Resampler,
  batch: readonly Pixels[],
  watch: Stopwatch,
): Promise<ItemResult[]> {
  const startedAt = performance.now();
  const rows = plan.fixedBatch ?? batch.length;
  const tensor = allocate(plan.input, rows);
  const elementsPerImage = tensor.length / rows;
  for (const [index, pixels] of batch.entries())
    resampler.resampleInto(pixels, tensor, index * elementsPerImage);
  const resampledAt = performance.now();
  const raw = await session.run(plan.inputName, tensor, tensorShape(plan.input, rows), plan.outputNames);
  const items = split(raw, batch.length, rows);
  watch.resampleMs += resampledAt - startedAt;
  watch.runMs += performance.now() - resampledAt;
  return items;
}

function tensorShape(input: InputSpec, rows: number): number[] {
  const channels = input.channels === 'grey' ? 1 : 3;
  return input.layout === 'NCHW'
    ? [rows, channels, input.height, input.width]
    : [rows, input.height, input.width, channels];
}

function allocate(input: InputSpec, rows: number): TensorData {
  const elements = tensorShape(input, rows).reduce((product, dimension) => product * dimension, 1);
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
