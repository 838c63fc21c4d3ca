import type { TObject } from 'typebox';
import { compile } from '../../json-schema.js';
import type { Parameters } from '../../tasks/task.js';
import { UsageError } from '../outcome.js';

/** What was typed of the model's own parameters: `--top-k 3` as `top_k` with `['3']`. */
export type TypedParameters = Readonly<Record<string, readonly string[]>>;

interface Property {
  readonly type?: string;
  readonly items?: Property;
  readonly description?: string;
}

/** Flags that are not ours, each of which has a value: what the model takes is known when it is loaded. */
export function unknownFlags(args: readonly string[], own: readonly string[]): string[] {
  const end = args.indexOf('--');
  const typed = args.slice(0, end === -1 ? args.length : end);
  const names = typed.flatMap((text) => /^--([a-z][\w-]*)(=|$)/.exec(text)?.[1] ?? []);
  return [...new Set(names)].filter((name) => !own.includes(name));
}

/** What a request's query would be after it was checked. Throws UsageError naming what the model takes. */
export function parametersFrom(typed: TypedParameters, schema: TObject): Parameters {
  const properties = schema.properties as Readonly<Record<string, Property>>;
  const entries = Object.entries(typed).map(([name, values]) => {
    const property = properties[name];
    if (property === undefined) throw new UsageError(`unknown flag ${flagOf(name)}; ${taken(properties)}`);
    if (property.type !== 'array' && values.length > 1)
      throw new UsageError(`${flagOf(name)} is given more than once`);
    return [name, typedValue(values, property)] as const;
  });
  const parameters = Object.fromEntries(entries);
  const validator = compile(schema);
  const [fault] = validator.Check(parameters) ? [] : validator.Errors(parameters);
  if (fault === undefined) return parameters;
  const [, name = ''] = fault.instancePath.split('/');
  throw new UsageError(`${flagOf(name)} ${fault.message}: ${JSON.stringify(typed[name]?.join(', '))}`);
}

function typedValue(values: readonly string[], property: Property): unknown {
  const [text = ''] = values;
  switch (property.type) {
    case 'array':
      return values.map((value) => typedValue([value], property.items ?? {}));
    case 'integer':
    case 'number':
      return text.trim() === '' ? text : Number.isNaN(Number(text)) ? text : Number(text);
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    default:
      return text;
  }
}

function taken(properties: Readonly<Record<string, Property>>): string {
  const names = Object.keys(properties).map(flagOf);
  return names.length === 0 ? 'this model takes none of its own' : `this model takes ${names.join(', ')}`;
}

function flagOf(name: string): string {
  return `--${name.replaceAll('_', '-')}`;
}
