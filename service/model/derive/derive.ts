import { ServiceError } from '../../errors.js';
import type { EngineInfo } from '../../inference/runner.js';
import { taskNamed } from '../../tasks/tasks.js';
import type { TensorInfo } from '../../tensor.js';
import { type Manifest, parseManifest } from '../manifest.js';
import { resolveModelSpec } from '../model-spec.js';
import { bare } from './bare.js';
import { type Field, type Findings, findings, nested, together } from './findings.js';
import { huggingFace } from './hugging-face/export.js';
import { mlflow } from './mlflow.js';
import type { OnnxMetadata } from './onnx-metadata.js';
import type { Layout } from './surroundings.js';
import { triton } from './triton.js';
import { ultralytics } from './ultralytics.js';

/** The ways in which models lie around without a model.json; the first that finds one has it. */
export const LAYOUTS: readonly Layout[] = [huggingFace, mlflow, triton];

/** A manifest that nobody has written. */
export interface Derivation extends Findings {
  readonly manifest: Manifest;
}

export interface DerivationInput {
  /** Name, version, file and digest. */
  readonly identity: Manifest;
  /** What lies beside the file says. */
  readonly found: Findings;
  readonly metadata: OnnxMetadata;
  readonly engine: EngineInfo;
}

/**
 * Brings all that is known of a model together: what lies beside it, what its file says of itself, what its inputs and outputs
 * tell. Throws MODEL_INCOMPATIBLE where these contradict each other, and with the name of the field to write where something
 * has to be known and is not.
 */
export function deriveManifest({ identity, found, metadata, engine }: DerivationInput): Derivation {
  const own = ultralytics(metadata.properties, engine.outputs);
  const said = together([withoutIdentity(found), ...(own === undefined ? [] : [own])]);
  const known = forFixedSize(said, engine.inputs);
  const told = explained(known, () => bare({ known: known.fields, engine, metadata }));
  const all = withoutForeign(together([known, told]));
  const fields = new Map([...identityFields(identity, found), ...all.fields]);
  const manifest = parseManifest(
    JSON.stringify({ schema_version: 1, ...nested(fields) }),
    'what is known of the model',
  );
  explained(all, () => resolveModelSpec(manifest, '', engine));
  return { manifest, fields, warnings: all.warnings };
}

/** Whoever wrote no manifest is told who says what does not fit. */
function explained<T>({ fields }: Findings, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    const who = sayings(fields);
    throw new ServiceError(error.code, `${error.message} There is no model.json${who}.`, { cause: error });
  }
}

/** Who says what, for the end of a sentence. */
function sayings(fields: Findings['fields']): string {
  const byOrigin = new Map<string, string[]>();
  for (const [path, { origin }] of fields) byOrigin.set(origin, [...(byOrigin.get(origin) ?? []), path]);
  return [...byOrigin].map(([origin, paths]) => `; ${paths.join(', ')}: ${origin}`).join('');
}

/** Exports of one size cannot follow the size of each image. */
function forFixedSize(known: Findings, inputs: readonly TensorInfo[]): Findings {
  const rule = known.fields.get('input.resize.rule');
  const [input] = inputs;
  const isFixed = input?.shape.slice(-2).every((size) => size > 0) === true;
  if (rule?.value !== 'fit' || !isFixed) return known;
  const fields = new Map(known.fields);
  for (const path of ['shortest_edge', 'longest_edge', 'multiple_of']) fields.delete(`input.resize.${path}`);
  fields.set('input.resize.rule', { value: 'stretch', origin: 'shapes in the file' });
  const warning = `${rule.origin} gives each image a size of its own, but the file takes one size only: images are stretched to that; say input.resize in a model.json where that is wrong`;
  return { fields, warnings: [...known.warnings, warning] };
}

/** What is said of outputs without knowing the task, and its manifest has no field for. */
function withoutForeign({ fields, warnings }: Findings): Findings {
  const task = taskNamed(String(fields.get('task')?.value));
  const known: object = task?.manifestSchema.properties ?? {};
  const isForeign = (path: string): boolean =>
    path.startsWith('output.') && !Object.hasOwn(known, path.slice('output.'.length));
  const foreign = [...fields].filter(([path]) => isForeign(path));
  return {
    fields: new Map([...fields].filter(([path]) => !isForeign(path))),
    warnings: [
      ...warnings,
      ...foreign.map(
        ([path, { origin }]) => `${origin} says ${path}, which a model of task ${task?.name} has no use for`,
      ),
    ],
  };
}

const IDENTITY = new Set(['name', 'version']);

function withoutIdentity({ fields, warnings }: Findings): Findings {
  return { fields: new Map([...fields].filter(([path]) => !IDENTITY.has(path))), warnings };
}

/** They were settled before the file was opened. */
function identityFields(identity: Manifest, { fields }: Findings): [string, Field][] {
  const { name, version, file, external_data, sha256 } = identity;
  const all = together([
    findings('name of the file', { name, file }),
    findings('digest of the file', { version, sha256 }),
    findings('names in the file', { external_data }),
  ]).fields;
  return [...all].map(([path, field]) => {
    const said = fields.get(path);
    return [path, said === undefined ? field : { ...field, origin: said.origin }];
  });
}
