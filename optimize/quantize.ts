import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { CannotGoOn } from '../service/cli/outcome.js';
import { PACKAGE_ROOT } from '../service/package-files.js';
import type { Recorded } from './engine-process.js';

export interface Made {
  readonly name: string;
  readonly file: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface Failed {
  readonly name: string;
  readonly reason: string;
}

export interface Candidates {
  readonly made: readonly Made[];
  readonly failed: readonly Failed[];
  /** Names and versions. */
  readonly tools: Readonly<Record<string, string>>;
  /** The calibration with the least error, where there is one: others can be made by it. */
  readonly best: string | undefined;
}

export interface QuantizeOptions {
  readonly python: string;
  readonly modelPath: string;
  readonly inputName: string;
  readonly maskName: string | undefined;
  readonly tensors: readonly CalibrationTensor[];
  /** Where candidates go. */
  readonly folder: string;
  readonly activations: 'uint8' | 'int8';
  readonly reduceRange: boolean;
  readonly float16: boolean;
  /** The best calibration of an earlier call with the same folder: leaves out the layers that hurt most by it. */
  readonly leaveOutBy: string | undefined;
  readonly progress: (text: string) => void;
}

export interface CalibrationTensor {
  readonly file: string;
  readonly type: string;
  readonly shape: readonly number[];
  readonly mask: readonly number[] | undefined;
}

const SCRIPT = join(PACKAGE_ROOT, 'training/quantize/quantize.py');
const REQUIREMENTS = 'training/quantize/requirements.txt';
const NEEDED = 'import onnx, onnxruntime.quantization, sympy';
const MOST_LAST_WORDS = 2000;

/** Throws a sentence where this Python cannot quantise. */
export async function checkPython(python: string): Promise<void> {
  const { code, lastWords } = await runPython(python, ['-c', NEEDED], '', () => undefined);
  if (code === 0) return;
  const why = lastWords.trim().split('\n').at(-1) ?? '';
  throw new CannotGoOn(
    `${python} cannot quantise${why === '' ? '' : ` (${why})`}: install what that needs with "${python} -m pip install -r ${REQUIREMENTS}", or name another Python with --python`,
  );
}

/** A tensor as a file that Python reads. */
export async function writeTensor(
  folder: string,
  index: number,
  { data, shape, maskShape }: Recorded,
): Promise<CalibrationTensor> {
  const file = join(folder, `tensor-${index}.bin`);
  await writeFile(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const type = data instanceof Float32Array ? '<f4' : data instanceof Uint16Array ? '<f2' : '|u1';
  return { file, type, shape, mask: maskShape };
}

/** Candidates by training/quantize/quantize.py. Throws its last words where it makes none. */
export async function quantize(options: QuantizeOptions): Promise<Candidates> {
  const {
    python,
    modelPath,
    inputName,
    maskName,
    tensors,
    folder,
    activations,
    reduceRange,
    float16,
    leaveOutBy,
  } = options;
  const job = {
    model: resolve(modelPath),
    out: folder,
    input: inputName,
    mask: maskName ?? null,
    tensors: tensors.map(({ mask, ...tensor }) => ({ ...tensor, mask: mask ?? null })),
    activations,
    reduce_range: reduceRange,
    float16,
    leave_out_by: leaveOutBy ?? null,
  };
  const made: Made[] = [];
  const failed: Failed[] = [];
  let tools: Candidates['tools'] = {};
  let best: string | undefined;
  const { code, lastWords } = await runPython(python, [SCRIPT], JSON.stringify(job), (line) => {
    const said = JSON.parse(line) as {
      made?: Made;
      failed?: Failed;
      tools?: Candidates['tools'];
      progress?: string;
      best?: string;
    };
    if (said.made !== undefined) made.push(said.made);
    if (said.failed !== undefined) failed.push(said.failed);
    tools = said.tools ?? tools;
    best = said.best ?? best;
    options.progress(said.progress ?? said.made?.name ?? said.failed?.name ?? '');
  });
  if (code !== 0)
    throw new CannotGoOn(`the model cannot be quantised: ${lastWords.trim().split('\n').at(-1)}`);
  return { made, failed, tools, best };
}

interface Ended {
  readonly code: number | null;
  readonly lastWords: string;
}

function runPython(
  python: string,
  args: readonly string[],
  input: string,
  onLine: (line: string) => void,
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(python, args, { env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } });
    let lastWords = '';
    child.once('error', (error) => resolve({ code: null, lastWords: error.message }));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-MOST_LAST_WORDS);
    });
    createInterface({ input: child.stdout }).on('line', onLine);
    child.once('close', (code) => resolve({ code, lastWords }));
    process.once('exit', () => child.kill());
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
