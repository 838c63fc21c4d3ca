import type { Derivation } from '../../model/derive/derive.js';
import { valuesByPath } from '../../model/derive/findings.js';
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

/** What comes from the file's inputs and outputs where nobody says it. */
const OF_SHAPES = /^(task|input\.(name|layout|type|width|height|channels)|output\.(names?|decoder))$/;
const OF_FILES = ['file', 'external_data', 'sha256'];
/** No news to anybody. */
const UNSHOWN: ReadonlySet<string> = new Set(['schema_version']);

/** Everything that decides the answers of a model, said, derived or by default, in the order of a manifest. */
export function knownValues({ fields }: Derivation, { manifest }: ModelSpec): KnownValue[] {
  const { task, input, output, ...words } = manifest;
  const files = OF_FILES.flatMap((path) => (fields.has(path) ? [[path, undefined] as const] : []));
  const all = [...Object.entries(words), ...files, ...valuesByPath({ task, input, output })];
  return all
    .filter(([path]) => !UNSHOWN.has(path))
    .map(([path, value]) => {
      const origin = OF_SHAPES.test(path) ? 'shapes in the file' : 'default';
      return { path, ...(fields.get(path) ?? { value, origin }) };
    });
}
