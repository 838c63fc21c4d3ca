import type { ModelSpec } from '../../model/model-spec.js';

/** The parts of a JSON schema that answers are described with. */
interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

/** What fields usually hold; anything else is shown by its type. */
const USUAL: Readonly<Record<string, unknown>> = {
  score: 0.97,
  share: 0.62,
  x: 64.5,
  y: 48.25,
  x_min: 12.5,
  y_min: 8,
  x_max: 240.75,
  y_max: 180,
  width: 512,
  height: 384,
  png: 'iVBORw0KGgo...',
  type: 'float32',
};
const BY_TYPE: Readonly<Record<string, unknown>> = {
  number: 0.25,
  integer: 0,
  string: '...',
  boolean: true,
  null: null,
};

/** What the task of a model adds to a result, with values that are made up. */
export function exampleAnswer({ task, plan }: ModelSpec): unknown {
  const { spec } = plan.task;
  const [label = 'LABEL_0'] = task.labels(spec);
  return exampleOf(task.answerSchema(spec) as Schema, '', label);
}

function exampleOf(schema: Schema, key: string, label: string): unknown {
  if (schema.properties !== undefined) {
    const entries = Object.entries(schema.properties);
    return Object.fromEntries(entries.map(([name, each]) => [name, exampleOf(each, name, label)]));
  }
  if (schema.items !== undefined) return [exampleOf(schema.items, key, label)];
  const [first] = schema.anyOf ?? [];
  if (first !== undefined) return exampleOf(first, key, label);
  if (key === 'label') return label;
  return Object.hasOwn(USUAL, key) ? USUAL[key] : BY_TYPE[schema.type ?? 'string'];
}
