/** One kind of setting: how its text becomes a value. Throws a sentence when it cannot. */
export interface Field<Value> {
  readonly type: string;
  readonly default: Value;
  /** As the tables show the default, where it is not just the value. */
  readonly defaultText: string;
  readonly description: string;
  readonly secret: boolean;
  parse(text: string): Value;
}

interface FieldText<Value> {
  readonly default: Value;
  readonly defaultText?: string;
  readonly description: string;
}

interface NumberField<Value> extends FieldText<Value> {
  readonly min: number;
  readonly max: number;
}

export function integer<Value extends number | undefined>(
  options: NumberField<Value>,
): Field<number | Value> {
  const { min, max } = options;
  return field(options, `integer ${min}..${max}`, (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value)) throw new Error('is not a whole number');
    if (value < min || value > max) throw new Error(`is outside ${min}..${max}`);
    return value;
  });
}

/** 0..1, both included. */
export function share(options: FieldText<number>): Field<number> {
  return field(options, 'number 0..1', (text) => {
    const value = Number(text);
    if (!/^\d*\.?\d+$/.test(text) || value > 1) throw new Error('is not a number from 0 to 1');
    return value;
  });
}

export function text<Value extends string | undefined>(
  options: FieldText<Value> & {
    readonly secret?: boolean;
    readonly pattern?: RegExp;
    readonly hint?: string;
  },
): Field<string | Value> {
  const parse = (value: string): string => {
    if (options.pattern?.test(value) === false) throw new Error(options.hint ?? 'has the wrong form');
    return value;
  };
  return { ...field(options, 'text', parse), secret: options.secret ?? false };
}

export function flag<Value extends boolean | undefined>(options: FieldText<Value>): Field<boolean | Value> {
  return field(options, 'true or false', (value) => {
    if (value !== 'true' && value !== 'false') throw new Error('is neither true nor false');
    return value === 'true';
  });
}

export function oneOf<const Choice extends string, const Default extends Choice | undefined>(
  choices: readonly Choice[],
  options: FieldText<Default>,
): Field<Choice | Default> {
  return field(options, choices.join(', '), (value) => pick(choices, value));
}

/** Comma-separated, without duplicates. */
export function listOf<const Choice extends string>(
  choices: readonly Choice[],
  options: FieldText<readonly Choice[]>,
): Field<readonly Choice[]> {
  const parse = (value: string): readonly Choice[] => [
    ...new Set(words(value).map((word) => pick(choices, word))),
  ];
  return field(options, `list of ${choices.join(', ')}`, parse);
}

export function textList(
  options: FieldText<readonly string[]> & { readonly secret?: boolean },
): Field<readonly string[]> {
  return { ...field(options, 'list of text', words), secret: options.secret ?? false };
}

function words(value: string): string[] {
  const list = value.split(',').map((word) => word.trim());
  if (list.some((word) => word === '')) throw new Error('has an empty entry');
  return list;
}

function pick<Choice extends string>(choices: readonly Choice[], value: string): Choice {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw new Error(`is not one of ${choices.join(', ')}`);
  return choice;
}

function field<Value, Parsed>(
  options: FieldText<Value>,
  type: string,
  parse: (text: string) => Parsed,
): Field<Parsed | Value> {
  const defaultText =
    options.defaultText ??
    (Array.isArray(options.default) ? options.default.join(',') : String(options.default ?? ''));
  return {
    type,
    default: options.default,
    defaultText,
    description: options.description,
    secret: false,
    parse,
  };
}

type ValueOf<Entry> = Entry extends Field<infer Value> ? NonNullable<Value> : never;

/** The values of a schema whose settings must be given where they have no default. */
export type ValuesOf<Schema> = { readonly [Name in keyof Schema]: ValueOf<Schema[Name]> };

/** Reads every setting. An empty variable counts as unset. Throws one sentence that names every fault. */
export function readFields<const Schema extends Readonly<Record<string, Field<unknown>>>>(
  schema: Schema,
  environment: Readonly<Record<string, string | undefined>>,
): ValuesOf<Schema> {
  const faults: string[] = [];
  const entries = Object.entries(schema).map(([name, field]) => {
    return [name, readField(name, field, environment[name]?.trim() ?? '', faults)] as const;
  });
  if (faults.length > 0) throw new Error(faults.join('; '));
  return Object.fromEntries(entries) as ValuesOf<Schema>;
}

function readField(name: string, field: Field<unknown>, given: string, faults: string[]): unknown {
  if (given === '') {
    if (field.default === undefined) faults.push(`${name} is not set`);
    return field.default;
  }
  try {
    return field.parse(given);
  } catch (error) {
    faults.push(`${name} ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
