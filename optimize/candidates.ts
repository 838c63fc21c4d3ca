import { CannotGoOn } from '../service/cli/outcome.js';
import { messageOf } from '../service/errors.js';
import { readProcessor, saturates } from '../service/processor.js';
import { choose } from './choose.js';
import type { SampleImage } from './images.js';
import { progress } from './progress.js';
import {
  type CalibrationTensor,
  type Candidates,
  type Failed,
  type QuantizeOptions,
  quantize,
  writeTensor,
} from './quantize.js';
import type { Subject } from './subject.js';
import { type Tried, tryOut, type Yardstick } from './trial.js';

export interface Outcome {
  readonly tried: readonly Tried[];
  readonly failed: readonly Failed[];
  readonly tools: Candidates['tools'];
  /** The fastest that may be kept. */
  readonly kept: Tried | undefined;
}

/** Tensors as the service makes them. Throws where there is none. */
export async function calibrationTensors(
  images: readonly SampleImage[],
  { original, pictures }: Pick<Yardstick, 'original' | 'pictures'>,
  folder: string,
): Promise<CalibrationTensor[]> {
  const tensors: CalibrationTensor[] = [];
  for (const { path } of images) {
    progress(`tensors: ${tensors.length} of ${images.length}`);
    const row = await pictures.decodedRow(path).catch(() => undefined);
    if (row !== undefined)
      tensors.push(await writeTensor(folder, tensors.length, await original.record(row)));
  }
  if (tensors.length === 0) throw new CannotGoOn('none of the images to calibrate with can be decoded');
  return tensors;
}

export function quantizeOptions(
  { files, spec, provider }: Subject,
  given: Pick<QuantizeOptions, 'python' | 'tensors' | 'folder'>,
): QuantizeOptions {
  return {
    ...given,
    modelPath: files.modelPath,
    inputName: spec.plan.inputName,
    maskName: spec.plan.mask?.name,
    activations: process.arch === 'arm64' ? 'int8' : 'uint8',
    reduceRange: saturates(readProcessor()),
    float16: provider !== 'cpu',
    leaveOutBy: undefined,
    progress,
  };
}

/** All layers in 8 bits; only where none of those may be kept, those that hurt are looked for and left out. */
export async function tryCandidates(
  options: QuantizeOptions,
  yardstick: Yardstick,
  maxLoss: number,
): Promise<Outcome> {
  const whole = await quantize(options);
  const first = await tryAll(whole, yardstick);
  const kept = choose(first.tried, maxLoss);
  if (kept !== undefined || whole.best === undefined) return { ...first, kept, tools: whole.tools };
  const parts = await quantize({ ...options, leaveOutBy: whole.best });
  const second = await tryAll(parts, yardstick);
  const tried = [...first.tried, ...second.tried];
  const failed = [...first.failed, ...second.failed];
  return { tried, failed, kept: choose(tried, maxLoss), tools: whole.tools };
}

/** One after the other, each beside the original alone: two copies of the model are in memory at once. */
async function tryAll(
  { made, failed }: Candidates,
  yardstick: Yardstick,
): Promise<Pick<Outcome, 'tried' | 'failed'>> {
  const tried: Tried[] = [];
  const unfit: Failed[] = [...failed];
  for (const [index, each] of made.entries()) {
    progress(`${each.name}: ${index + 1} of ${made.length} candidates`);
    try {
      tried.push(await tryOut(each, yardstick));
    } catch (error) {
      unfit.push({ name: each.name, reason: messageOf(error) });
    }
  }
  return { tried, failed: unfit };
}
