import { parseArgs } from 'node:util';
import { UsageError } from '../service/cli/outcome.js';
import { messageOf } from '../service/errors.js';

export interface Asked {
  /** As in MODEL_URI, or the name of a model that comes with this repository. */
  readonly model: string;
  readonly images: string;
  readonly labels: string | undefined;
  readonly out: string;
  /** Points of the measure that may be lost. */
  readonly maxLoss: number;
  readonly python: string;
}

export const USAGE = `npm run optimize -- MODEL --images FOLDER --out FOLDER [options]
  MODEL            a path, s3://, hf:// or https:// as in MODEL_URI, or the name of a model that comes along, such as digits
  --images FOLDER  images like those that it will be asked: some to calibrate with, all others to prove with
  --out FOLDER     where the quantised model goes: a folder that does not exist yet, or an empty one
  --labels FILE    what is right: CSV with file,label, or JSON lines as cv-inference predict writes them. Without it the
                   model's own answers are
  --max-loss 0.5   points (of 100) that may be lost; the upper end of the 95 % interval has to be within
  --python python3 Python with training/quantize/requirements.txt

Exit codes: 0 written; 1 it could not go on; 2 what was typed cannot be understood; 4 no candidate is faster within the loss.
`;

const FLAGS = {
  images: { type: 'string' },
  labels: { type: 'string' },
  out: { type: 'string' },
  'max-loss': { type: 'string', default: '0.5' },
  python: { type: 'string', default: 'python3' },
} as const;

/** Throws UsageError. */
export function readAsked(args: readonly string[]): Asked {
  const { values, positionals } = parse(args);
  const [model, surplus] = positionals;
  if (model === undefined) throw new UsageError('which model?');
  if (surplus !== undefined) throw new UsageError(`what is ${JSON.stringify(surplus)} for?`);
  const { images, labels, out, python } = values;
  if (images === undefined) throw new UsageError('--images is missing');
  if (out === undefined) throw new UsageError('--out is missing');
  const maxLoss = Number(values['max-loss']);
  if (!(maxLoss >= 0 && maxLoss <= 100) || values['max-loss'].trim() === '')
    throw new UsageError(`--max-loss ${values['max-loss']} is not a number from 0 to 100`);
  return { model, images, labels, out, maxLoss, python };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}
