import type { Static } from 'typebox';
import { closed, Type } from '../json-schema.js';
import { floatsOf, type Tensor, type TensorInfo } from '../tensor.js';
import { failure, misfit } from './faults.js';
import { pickOutput } from './pick-output.js';
import { type Golden, NOTHING_OBSERVED, type Outputs, type Task } from './task.js';

const MAX_DIMENSIONS = 16_384;
const DEFAULT_GOLDEN_COSINE = 0.999;
/** Significant digits of a value: about what a 32-bit float holds. */
const DIGITS = 7;
/** What exporters call vectors of images, best first; the last one is a vector for each patch. */
const USUAL_NAMES = ['image_embeds', 'embedding', 'embeddings', 'pooler_output', 'last_hidden_state'];

const ManifestSchema = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        minLength: 1,
        description: `tensor name; default: ${USUAL_NAMES.join(', ')}, or the only one`,
      }),
    ),
    pooling: Type.Optional(
      Type.Enum(['none', 'first', 'mean'], {
        description:
          'of an output [N, tokens, dimensions]: first takes the class token (ViT, CLIP, DINOv2), mean the mean of all; default first for such an output, none for [N, dimensions]',
      }),
    ),
    normalize: Type.Optional(
      Type.Boolean({ description: 'to length 1, so that a dot product is the cosine; default false' }),
    ),
  },
  closed,
);

const GoldenSchema = Type.Object(
  {
    embedding: Type.Array(Type.Number(), { minItems: 1, description: 'expected' }),
    cosine: Type.Optional(
      Type.Number({
        minimum: -1,
        maximum: 1,
        description: `least cosine with the expected one; default ${DEFAULT_GOLDEN_COSINE}`,
      }),
    ),
  },
  closed,
);

const ParameterSchema = Type.Object(
  {
    encoding: Type.Optional(
      Type.Enum(['float', 'base64'], {
        description: 'base64: the values as little-endian 32-bit floats, a third of the size; default float',
      }),
    ),
  },
  closed,
);

const AnswerSchema = Type.Object({
  dimensions: Type.Integer(),
  embedding: Type.Union([Type.Array(Type.Number()), Type.String()], {
    description: 'numbers, or base64 where that was asked for',
  }),
});

type Manifest = Static<typeof ManifestSchema>;
type EmbeddingParameters = { readonly encoding?: 'float' | 'base64' | undefined };
type EmbeddingAnswer = Readonly<Static<typeof AnswerSchema>>;
type EmbeddingGolden = Golden & Static<typeof GoldenSchema>;
export interface EmbeddingSpec {
  readonly outputName: string;
  readonly pooling: 'none' | 'first' | 'mean';
  readonly normalize: boolean;
}

/** An image as a vector, by which images are compared and found. */
export const embedding: Task<Manifest, EmbeddingSpec, EmbeddingParameters, EmbeddingAnswer, EmbeddingGolden> =
  {
    name: 'embedding',
    manifestSchema: ManifestSchema,
    goldenSchema: GoldenSchema,
    recognises: (outputs) => usual(outputs) !== undefined,
    resolve,
    describe: ({ outputName, pooling, normalize }) => ({ name: outputName, pooling, normalize }),
    outputs: ({ outputName }) => [{ name: outputName, isBatched: true }],
    parameterSchema: () => ParameterSchema,
    answerSchema: () => AnswerSchema,
    labels: () => [],
    interpret,
    goldenParameters: () => ({ encoding: 'float' }),
    differs,
    observe: () => NOTHING_OBSERVED,
  };

function usual(outputs: readonly TensorInfo[]): TensorInfo | undefined {
  return USUAL_NAMES.map((name) => outputs.find((output) => output.name === name)).find(
    (output) => output !== undefined && isVector(output),
  );
}

function isVector({ shape }: TensorInfo): boolean {
  return shape.length === 2 || shape.length === 3;
}

function resolve(given: Manifest, outputs: readonly TensorInfo[]): EmbeddingSpec {
  const name = given.name ?? usual(outputs)?.name;
  const output = pickOutput(
    outputs,
    name,
    (each) => isVector(each) && (name !== undefined || outputs.length === 1),
    'a vector has the shape [N, dimensions] or [N, tokens, dimensions]',
  );
  const hasTokens = output.shape.length === 3;
  const pooling = given.pooling ?? (hasTokens ? 'first' : 'none');
  if ((pooling === 'none') === hasTokens) {
    misfit(
      `output ${output.name} has the shape [${output.shape.join(', ')}], to which pooling ${pooling} does not apply`,
    );
  }
  return { outputName: output.name, pooling, normalize: given.normalize ?? false };
}

function interpret(
  outputs: Outputs,
  _geometry: unknown,
  { encoding }: EmbeddingParameters,
  spec: EmbeddingSpec,
): EmbeddingAnswer {
  const tensor = outputs.get(spec.outputName);
  if (tensor === undefined) throw failure('The model gave no vector.');
  const pooled = pool(tensor, spec);
  const vector = spec.normalize ? normalized(pooled) : pooled;
  const at = vector.findIndex((value) => !Number.isFinite(value));
  if (at !== -1) {
    throw failure(
      'The model gave a vector that is not of numbers.',
      `${spec.outputName} holds ${vector[at]} at ${at}`,
    );
  }
  return {
    dimensions: vector.length,
    embedding: encoding === 'base64' ? base64(vector) : [...vector].map(rounded),
  };
}

function pool(tensor: Tensor, { outputName, pooling }: EmbeddingSpec): Float32Array {
  const values = floatsOf(tensor);
  const dimensions = tensor.shape.at(-1) ?? 0;
  const tokens = pooling === 'none' ? 1 : values.length / Math.max(1, dimensions);
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS || tokens < 1) {
    throw failure(
      'The model gave no vector.',
      `output ${outputName} has the shape [${tensor.shape.join(', ')}]`,
    );
  }
  if (pooling !== 'mean') return values.slice(0, dimensions);
  const mean = new Float32Array(dimensions);
  for (let index = 0; index < values.length; index++) {
    const dimension = index % dimensions;
    mean[dimension] = (mean[dimension] ?? 0) + (values[index] ?? 0) / tokens;
  }
  return mean;
}

/** To length 1; what has no length stays as it is. */
function normalized(vector: Float32Array): Float32Array {
  const length = norm(vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}

function norm(vector: Float32Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}

function base64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
}

function rounded(value: number): number {
  return Number(value.toPrecision(DIGITS));
}

function differs(expected: EmbeddingGolden, given: EmbeddingAnswer): string | undefined {
  const wanted = Float32Array.from(expected.embedding);
  const found = Float32Array.from(given.embedding as readonly number[]);
  if (wanted.length !== found.length) return `expected ${wanted.length} dimensions, got ${found.length}`;
  const dot = wanted.reduce((sum, value, index) => sum + value * (found[index] ?? 0), 0);
  const cosine = dot / (norm(wanted) * norm(found));
  const least = expected.cosine ?? DEFAULT_GOLDEN_COSINE;
  return cosine >= least ? undefined : `expected a cosine of ${least} or more, got ${cosine.toFixed(4)}`;
}
