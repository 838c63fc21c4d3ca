import type { Derivation } from '../../model/derive/derive.js';
import type { ModelSpec } from '../../model/model-spec.js';

/** One value that a model is served with. */
export interface KnownValue {
  /** In the manifest, as `input.mean`. */
  readonly path: string;
  /** As a manifest has it. */
  readonly value: unknown;
  /** For people: model.json, config.json, default, ... */
  readonly origin: string;
}

const FROM_FILE = 'shapes in the file';
const DEFAULT = 'default';
const IDENTITY = ['name', 'version', 'description', 'license', 'file', 'external_data', 'sha256'];

/** Everything that decides the answers of a model, said, derived or by default, in the order of a manifest. */
export function knownValues({ fields }: Derivation, spec: ModelSpec): KnownValue[] {
  const all: [string, unknown, string][] = [
    ...IDENTITY.map((path): [string, unknown, string] => [path, undefined, DEFAULT]),
    ['task', spec.task.name, FROM_FILE],
    ...inputValues(spec),
    ...outputValues(spec),
  ];
  return all.flatMap(([path, value, origin]) => {
    const said = fields.get(path);
    if (said !== undefined) return [{ path, ...said }];
    return value === undefined ? [] : [{ path, value, origin }];
  });
}

function inputValues({ plan }: ModelSpec): [string, unknown, string][] {
  const { input, inputName } = plan;
  const { resize } = input;
  const has = (...rules: readonly string[]): boolean => rules.includes(resize.rule);
  const isFit = has('fit');
  const isPlaced = has('letterbox') || resize.position === 'center-floor';
  return [
    ['input.name', inputName, FROM_FILE],
    ['input.layout', input.layout, FROM_FILE],
    ['input.type', input.type, FROM_FILE],
    ['input.width', isFit ? undefined : input.width, FROM_FILE],
    ['input.height', isFit ? undefined : input.height, FROM_FILE],
    ['input.channels', input.channels, FROM_FILE],
    ['input.resize.rule', resize.rule, DEFAULT],
    ['input.resize.filter', resize.filter, DEFAULT],
    ['input.resize.shortest_edge', has('cover', 'fit') ? resize.shortestEdge : undefined, DEFAULT],
    ['input.resize.longest_edge', resize.longestEdge, DEFAULT],
    ['input.resize.multiple_of', resize.multipleOf, DEFAULT],
    ['input.resize.stretch_to', resize.stretchTo, DEFAULT],
    ['input.resize.pad_value', has('letterbox') ? resize.padValue : undefined, DEFAULT],
    ['input.resize.position', isPlaced ? resize.position : undefined, DEFAULT],
    ['input.accuracy', input.accuracy, DEFAULT],
    ['input.scale', input.scale, DEFAULT],
    ['input.mean', input.mean, DEFAULT],
    ['input.std', input.std, DEFAULT],
  ];
}

/** A task's spec has its fields by the same names, in camel case. */
function outputValues({ task, plan }: ModelSpec): [string, unknown, string][] {
  const spec = plan.task.spec as Readonly<Record<string, unknown>>;
  return Object.keys(task.manifestSchema.properties).map((key) => {
    const isName = key === 'name';
    const value = spec[isName ? 'outputName' : camelCase(key)];
    return [`output.${key}`, isWritable(value) ? value : undefined, isName ? FROM_FILE : DEFAULT];
  });
}

function camelCase(key: string): string {
  return key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function isWritable(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  return Array.isArray(value) ? value.length > 0 : typeof value === 'string' || typeof value === 'boolean';
}
