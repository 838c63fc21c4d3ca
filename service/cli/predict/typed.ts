import { readArguments } from '../arguments.js';
import { UsageError } from '../outcome.js';
import { type TypedParameters, unknownFlags } from './parameters.js';
import { parseShard, type Shard, WHOLE } from './shard.js';

const OWN_FLAGS = {
  out: { type: 'string' },
  annotated: { type: 'string' },
  shard: { type: 'string' },
  'ignore-failed': { type: 'boolean' },
} as const;

/** What was typed after `predict`. */
export interface Typed {
  readonly model: string;
  readonly images: readonly string[];
  readonly out: string | undefined;
  /** A folder for pictures. */
  readonly annotated: string | undefined;
  readonly shard: Shard;
  readonly ignoreFailed: boolean;
  readonly parameters: TypedParameters;
}

/** Throws UsageError. */
export function readTyped(args: readonly string[]): Typed {
  const ofModel = unknownFlags(args, Object.keys(OWN_FLAGS));
  const modelFlags = ofModel.map((name) => [name, { type: 'string', multiple: true }] as const);
  const { values, positionals } = readArguments(args, { ...Object.fromEntries(modelFlags), ...OWN_FLAGS });
  const [model, ...images] = positionals;
  if (model === undefined || images.length === 0 || positionals.includes('')) {
    throw new UsageError('predict takes a model, then images: cv-inference predict MODEL IMAGES...');
  }
  if (values.out === '') throw new UsageError('--out is empty');
  if (values.annotated !== undefined && /^(s3:\/\/.*)?$/is.test(values.annotated)) {
    throw new UsageError('--annotated is a folder of this machine');
  }
  return {
    model,
    images,
    out: values.out,
    annotated: values.annotated,
    shard: values.shard === undefined ? WHOLE : parseShard(values.shard),
    ignoreFailed: values['ignore-failed'] === true,
    parameters: typedParameters(ofModel, values),
  };
}

/** `--top-k` is `top_k` to the model. */
function typedParameters(
  flags: readonly string[],
  values: Readonly<Record<string, unknown>>,
): TypedParameters {
  return Object.fromEntries(
    flags.map((flag) => [flag.replaceAll('-', '_'), values[flag] as readonly string[]]),
  );
}
