import type { Static, TObject } from 'typebox';
import type { ServiceError } from '../errors.js';
import { closed, Type } from '../json-schema.js';
import { floatsOf, type TensorInfo } from '../tensor.js';
import { entropyRatio } from './classification/entropy.js';
import { topK } from './classification/top-k.js';
import { failure, misfit } from './faults.js';
import { checkLabels, labelsField, labelsFor } from './labels.js';
import { areNumbers, roundedScore, shownScore } from './numbers.js';
import { pickOutput } from './pick-output.js';
import { sigmoid, softmax } from './softmax.js';
import type { Geometry, Golden, Outputs, Task } from './task.js';

/** Enough for ImageNet-21k, small enough to bound a response. */
const MAX_LABELS = 100_000;
const MAX_TOP_K = 1000;
const DEFAULT_TOP_K = 5;
const FLOAT_MAX = 3.4e38;

const ACTIVATIONS = { softmax, sigmoid, none: (values: Float32Array) => values };

const ManifestSchema = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        minLength: 1,
        description: "tensor name; default: the file's first output of the shape [N, classes]",
      }),
    ),
    activation: Type.Optional(
      Type.Enum(['softmax', 'sigmoid', 'none'], {
        description:
          'turns the tensor into scores; default softmax; sigmoid where labels do not exclude each other',
      }),
    ),
    labels: labelsField(MAX_LABELS),
    top_k: Type.Optional(
      Type.Integer({ minimum: 1, maximum: MAX_TOP_K, description: `default ${DEFAULT_TOP_K}` }),
    ),
    threshold: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1, description: 'lowest score returned; default: any' }),
    ),
  },
  closed,
);

const GoldenSchema = Type.Object(
  {
    predictions: Type.Array(Type.Object({ label: Type.String(), score: Type.Number() }, closed), {
      minItems: 1,
      description: 'expected, best first',
    }),
    tolerance: Type.Number({ minimum: 0, description: 'largest allowed difference of a score' }),
  },
  closed,
);

const AnswerSchema = Type.Object({
  predictions: Type.Array(
    Type.Object({ label: Type.String(), class_id: Type.Integer(), score: Type.Number() }),
    { description: 'best first' },
  ),
});

export interface ClassificationSpec {
  readonly outputName: string;
  readonly activation: keyof typeof ACTIVATIONS;
  /** By class id. */
  readonly labels: readonly string[];
  readonly topK: number;
  readonly threshold: number;
}

/** How many predictions, and the lowest score. */
export type ClassificationParameters = {
  readonly top_k?: number | undefined;
  readonly threshold?: number | undefined;
};
export type Classification = Static<typeof AnswerSchema>['predictions'][number];
type ClassificationAnswer = { readonly predictions: readonly Classification[] };
type ClassificationGolden = Golden & Static<typeof GoldenSchema>;

/** Which of its classes an image belongs to: one (softmax) or several (sigmoid), with scores. */
export const classification: Task<
  Static<typeof ManifestSchema>,
  ClassificationSpec,
  ClassificationParameters,
  ClassificationAnswer,
  ClassificationGolden
> = {
  name: 'classification',
  manifestSchema: ManifestSchema,
  goldenSchema: GoldenSchema,
  recognises: (outputs) => outputs.some(areScores),
  resolve,
  describe: ({ outputName, activation, labels, topK, threshold }) => ({
    name: outputName,
    activation,
    labels: [...labels],
    top_k: topK,
    ...(threshold >= 0 && { threshold }),
  }),
  outputs: ({ outputName }) => [{ name: outputName, isBatched: true }],
  parameterSchema,
  answerSchema: () => AnswerSchema,
  labels: ({ labels }) => labels,
  interpret,
  entropy: (outputs, { outputName, activation }) => {
    const tensor = activation === 'softmax' ? outputs.get(outputName) : undefined;
    return tensor && entropyRatio(floatsOf(tensor));
  },
  goldenParameters: ({ predictions }) => ({ top_k: predictions.length, threshold: Number.NEGATIVE_INFINITY }),
  differs,
  observe: ({ predictions: [best] }) =>
    best === undefined ? { labels: [], scores: [] } : { labels: [best.label], scores: [best.score] },
  claim: ({ predictions: [best] }) => best && { label: best.label },
  draw: ({ predictions }) => ({
    shapes: [
      {
        kind: 'caption',
        lines: predictions.map(({ label, class_id, score }) => ({
          text: `${label} ${shownScore(score)}`,
          classId: class_id,
        })),
      },
    ],
  }),
};

function resolve(given: Static<typeof ManifestSchema>, outputs: readonly TensorInfo[]): ClassificationSpec {
  const wanted = 'scores of classes have the shape [N, classes]';
  const output = pickOutput(outputs, given.name, areScores, wanted);
  const classes = countClasses(output);
  if (classes > 0) checkLabels(given.labels, classes, `output ${output.name}`);
  if (given.labels === undefined && classes <= 0) {
    misfit(
      `the number of classes of output ${output.name} is dynamic, so the manifest must give output.labels`,
    );
  }
  return {
    outputName: output.name,
    activation: given.activation ?? 'softmax',
    labels: labelsFor(given.labels, classes),
    topK: given.top_k ?? DEFAULT_TOP_K,
    threshold: given.threshold ?? Number.NEGATIVE_INFINITY,
  };
}

/** Whether it is [N, classes], or that with dimensions of 1 around. */
function areScores({ shape }: TensorInfo): boolean {
  const [, ...rest] = shape;
  return rest.length > 0 && rest.filter((size) => size !== 1).length <= 1;
}

/** Of scores; -1 where the file leaves the number open. */
function countClasses({ shape }: TensorInfo): number {
  return shape.slice(1).find((size) => size !== 1) ?? 1;
}

function parameterSchema({ activation }: ClassificationSpec): TObject {
  const [lowest, highest] = activation === 'none' ? [-FLOAT_MAX, FLOAT_MAX] : [0, 1];
  return Type.Object(
    {
      top_k: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: MAX_TOP_K,
          description: 'How many predictions; default: as the model says',
        }),
      ),
      threshold: Type.Optional(
        Type.Number({
          minimum: lowest,
          maximum: highest,
          description: 'Lowest score returned; default: as the model says',
        }),
      ),
    },
    closed,
  );
}

function interpret(
  outputs: Outputs,
  _geometry: Geometry,
  asked: ClassificationParameters,
  spec: ClassificationSpec,
): ClassificationAnswer {
  const tensor = outputs.get(spec.outputName);
  if (tensor === undefined) throw failure('The model gave no scores.');
  return { predictions: classify(floatsOf(tensor), asked, spec) };
}

/**
 * Scores of one image to its best classes, best first, none below the threshold.
 * @param values one for each class
 * Throws INFERENCE_FAILED when the model answered with something that is not a number.
 */
function classify(
  values: Float32Array,
  asked: ClassificationParameters,
  spec: ClassificationSpec,
): Classification[] {
  const { labels, activation } = spec;
  if (values.length !== labels.length) {
    throw failure(`The model gave ${values.length} scores for ${labels.length} labels.`);
  }
  const scores = ACTIVATIONS[activation](values);
  if (!areNumbers(scores)) throw notNumbers(values, spec.outputName);
  const threshold = asked.threshold ?? spec.threshold;
  return topK(scores, asked.top_k ?? spec.topK)
    .map((id) => ({ label: labels[id] ?? '', class_id: id, score: scores[id] ?? 0 }))
    .filter((prediction) => prediction.score >= threshold)
    .map((prediction) => ({ ...prediction, score: roundedScore(prediction.score) }));
}

function notNumbers(values: Float32Array, outputName: string): ServiceError {
  const at = values.findIndex((value) => !Number.isFinite(value));
  const found = at === -1 ? `${values.length} values` : `${values[at]} at index ${at}`;
  return failure('The model gave scores that are not numbers.', `output ${outputName} holds ${found}`);
}

function differs(expected: ClassificationGolden, given: ClassificationAnswer): string | undefined {
  const rank = expected.predictions.findIndex((wanted, at) => {
    const got = given.predictions[at];
    return got?.label !== wanted.label || Math.abs(got.score - wanted.score) > expected.tolerance;
  });
  if (rank === -1) return undefined;
  return `expected ${shown(expected.predictions[rank])}, got ${shown(given.predictions[rank])}`;
}

function shown(prediction: { label: string; score: number } | undefined): string {
  return prediction === undefined ? 'nothing' : `${prediction.label} at ${prediction.score.toFixed(4)}`;
}
