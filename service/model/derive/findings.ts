import { isDeepStrictEqual } from 'node:util';
import { ServiceError } from '../../errors.js';

/** One value of a manifest, and where it came from. */
export interface Field {
  readonly value: unknown;
  /** For people, as in "config.json". */
  readonly origin: string;
}

/** What one source of knowledge says of a model. */
export interface Findings {
  /** By their paths in the manifest, as `input.mean`. */
  readonly fields: ReadonlyMap<string, Field>;
  /** What was assumed, each a sentence that names the field to write where that is wrong. */
  readonly warnings: readonly string[];
}

export const NOTHING_FOUND: Findings = { fields: new Map(), warnings: [] };

/** Where two sources that know of it must agree: everything else, the first one has the say in. */
const MUST_AGREE: ReadonlySet<string> = new Set(['task', 'output.labels', 'input.width', 'input.height']);

/** @param values by their paths in the manifest; what is undefined is not said */
export function findings(
  origin: string,
  values: Readonly<Record<string, unknown>>,
  warnings: readonly string[] = [],
): Findings {
  const said = Object.entries(values).filter(([, value]) => value !== undefined);
  return { fields: new Map(said.map(([path, value]) => [path, { value, origin }])), warnings };
}

/** All that is said: of two that speak of the same the first. Throws MODEL_INCOMPATIBLE where they contradict each other. */
export function together(all: readonly Findings[]): Findings {
  const fields = new Map<string, Field>();
  for (const [path, field] of all.flatMap((each) => [...each.fields])) {
    const first = fields.get(path);
    if (first === undefined) fields.set(path, field);
    else if (MUST_AGREE.has(path)) checkAgreement(path, first, field);
  }
  return { fields, warnings: all.flatMap(({ warnings }) => warnings) };
}

function checkAgreement(path: string, one: Field, other: Field): void {
  if (isDeepStrictEqual(one.value, other.value)) return;
  contradiction(
    `${one.origin} and ${other.origin} contradict each other in ${path} (${shown(one.value)}, ${shown(other.value)}); a model.json decides`,
  );
}

/** Throws MODEL_INCOMPATIBLE. */
export function contradiction(sentence: string): never {
  throw new ServiceError('MODEL_INCOMPATIBLE', `${sentence}.`);
}

/** A value for a sentence. */
export function shown(value: unknown): string {
  if (!Array.isArray(value)) return String(value);
  const most = 3;
  const more = value.length > most ? `, ... ${value.length} in all` : '';
  return `${value.slice(0, most).join(', ')}${more}`;
}

/** Nested as in a manifest. */
export function nested(fields: Findings['fields']): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [path, { value }] of fields) {
    const keys = path.split('.');
    const last = keys.pop() ?? '';
    let at = root;
    for (const key of keys) {
      at[key] ??= {};
      at = at[key] as Record<string, unknown>;
    }
    at[last] = value;
  }
  return root;
}

/** The other way round: the parts of `input` and `output` one by one, everything else as it is. */
export function valuesByPath(manifest: object, prefix = ''): [path: string, value: unknown][] {
  return Object.entries(manifest).flatMap(([key, value]): [string, unknown][] => {
    const path = prefix + key;
    const isPart = /^(input|output|input\.resize)$/.test(path) && typeof value === 'object' && value !== null;
    return isPart ? valuesByPath(value, `${path}.`) : [[path, value]];
  });
}
