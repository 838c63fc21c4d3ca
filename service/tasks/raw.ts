import type { Static } from 'typebox';
import { closed, Type } from '../json-schema.js';
import { type ElementType, halfToFloat, type Tensor, type TensorInfo } from '../tensor.js';
import { failure, misfit, named } from './faults.js';
import { type Golden, NOTHING_OBSERVED, type Outputs, type Task } from './task.js';

/** A hundred kilobytes of text or so: writing it takes a millisecond of the event loop, and a batch has many. */
const MAX_VALUES = 10_000;
const MAX_OUTPUTS = 100;

const ManifestSchema = Type.Object(
  {
    names: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        maxItems: MAX_OUTPUTS,
        description: 'which outputs to return; default: all',
      }),
    ),
  },
  closed,
);

const ValueSchema = Type.Union([Type.Number(), Type.String(), Type.Boolean(), Type.Null()]);
const OutputSchema = Type.Object(
  {
    name: Type.String(),
    type: Type.String({ description: 'as in the file: float32, int64, ...' }),
    shape: Type.Array(Type.Integer(), { description: 'without the batch dimension' }),
    data: Type.Array(ValueSchema, {
      description:
        'row by row; whole numbers that a double cannot hold are texts, what is not a number is null',
    }),
  },
  closed,
);

const GoldenSchema = Type.Object(
  {
    outputs: Type.Array(Type.Object({ name: Type.String(), data: Type.Array(ValueSchema) }, closed), {
      minItems: 1,
      description: 'expected; those that are not named may be anything',
    }),
    tolerance: Type.Number({ minimum: 0, description: 'largest allowed difference of a value' }),
  },
  closed,
);

const AnswerSchema = Type.Object({ outputs: Type.Array(OutputSchema) });

type Manifest = Static<typeof ManifestSchema>;
type Value = Static<typeof ValueSchema>;
type RawOutput = Static<typeof OutputSchema>;
type RawAnswer = { readonly outputs: readonly RawOutput[] };
type RawGolden = Golden & Static<typeof GoldenSchema>;
export interface RawSpec {
  readonly outputs: readonly { readonly name: string; readonly isBatched: boolean }[];
}

const NO_PARAMETERS = Type.Object({}, closed);

/** What the model gives, as it gives it: for whatever has no task of its own. */
export const raw: Task<Manifest, RawSpec, Record<string, never>, RawAnswer, RawGolden> = {
  name: 'raw',
  manifestSchema: ManifestSchema,
  goldenSchema: GoldenSchema,
  recognises: (outputs) => outputs.every(({ shape }) => shape.length > 0),
  resolve,
  describe: ({ outputs }) => ({ names: outputs.map(({ name }) => name) }),
  outputs: (spec) => spec.outputs,
  parameterSchema: () => NO_PARAMETERS,
  answerSchema: () => AnswerSchema,
  labels: () => [],
  interpret,
  goldenParameters: () => ({}),
  differs,
  observe: () => NOTHING_OBSERVED,
};

function resolve({ names }: Manifest, outputs: readonly TensorInfo[]): RawSpec {
  const wanted = names === undefined ? outputs : names.map((name) => named(outputs, name, 'output'));
  for (const { name, shape } of wanted) {
    const values = shape.slice(1).reduce((product, size) => product * Math.max(1, size), 1);
    if (values > MAX_VALUES)
      misfit(`output ${name} has ${values} values an image, at most ${MAX_VALUES} are returned`);
  }
  return { outputs: wanted.map(({ name }) => ({ name, isBatched: true })) };
}

/** Throws INFERENCE_FAILED where there are more values than are returned. */
function interpret(outputs: Outputs, _geometry: unknown, _asked: unknown, spec: RawSpec): RawAnswer {
  const total = [...outputs.values()].reduce((sum, { data }) => sum + data.length, 0);
  if (total > MAX_VALUES) {
    throw failure(`The outputs have ${total} values, at most ${MAX_VALUES} are returned.`);
  }
  return {
    outputs: spec.outputs.flatMap(({ name }) => {
      const tensor = outputs.get(name);
      if (tensor === undefined) return [];
      return [{ name, type: tensor.type, shape: [...tensor.shape], data: valuesOf(tensor) }];
    }),
  };
}

/** As JSON can hold them. */
function valuesOf({ type, data }: Tensor): Value[] {
  const read = READERS[type] ?? ((value: unknown) => number(Number(value)));
  return Array.from(data as ArrayLike<unknown>, read);
}

const READERS: Readonly<Partial<Record<ElementType, (value: unknown) => Value>>> = {
  string: String,
  bool: (value) => value === 1,
  float16: (value) => number(halfToFloat(Number(value))),
  int64: wholeNumber,
  uint64: wholeNumber,
};

function number(value: number): Value {
  return Number.isFinite(value) ? value : null;
}

function wholeNumber(value: unknown): Value {
  const asNumber = Number(value);
  return Number.isSafeInteger(asNumber) ? asNumber : String(value);
}

function differs({ outputs, tolerance }: RawGolden, given: RawAnswer): string | undefined {
  for (const wanted of outputs) {
    const found = given.outputs.find(({ name }) => name === wanted.name);
    if (found?.data.length !== wanted.data.length) {
      return `expected ${wanted.data.length} values of ${wanted.name}, got ${found?.data.length ?? 0}`;
    }
    const at = wanted.data.findIndex((value, index) => !agree(value, found.data[index], tolerance));
    if (at !== -1) return `expected ${wanted.data[at]} at ${wanted.name}[${at}], got ${found.data[at]}`;
  }
  return undefined;
}

function agree(wanted: Value, found: Value | undefined, tolerance: number): boolean {
  if (typeof wanted !== 'number' || typeof found !== 'number') return wanted === found;
  return Math.abs(wanted - found) <= tolerance;
}
