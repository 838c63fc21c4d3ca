import type { Static } from 'typebox';
import type { PointsShape } from '../drawing/shapes.js';
import { closed, Type } from '../json-schema.js';
import type { TensorInfo } from '../tensor.js';
import { type GoldenObjects, GoldenObjectsSchema, objectsDiffer } from './detection/golden-objects.js';
import {
  across,
  asFloats,
  boxOf,
  claimOfObjects,
  contextOf,
  decoderNamed,
  describeObjects,
  down,
  findObjects,
  OBJECT_ANSWER,
  type ObjectParameters,
  type ObjectSpec,
  objectFields,
  objectParameters,
  observeObjects,
  resolveObjects,
} from './detection/objects.js';
import { misfit } from './faults.js';
import { POINT_DECODERS } from './keypoints/decoders/decoders.js';
import type { Point } from './keypoints/point-decoder.js';
import { edgesBetween } from './keypoints/skeleton.js';
import { roundedScore } from './numbers.js';
import type { Geometry, Task } from './task.js';

const MAX_POINTS = 1000;
/** Points that are less sure to be seen are guesses, mostly out of the image or behind something. */
const LEAST_DRAWN_SCORE = 0.25;

const ManifestSchema = Type.Object(
  {
    ...objectFields(POINT_DECODERS, 'objects and points'),
    points: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        maxItems: MAX_POINTS,
        description:
          'names of the points, in order; default: as the makers of the decoder name them, or POINT_0, POINT_1, ...',
      }),
    ),
  },
  closed,
);

const PointSchema = Type.Object({
  name: Type.String(),
  x: Type.Number({ description: 'pixels of the image as a person sees it' }),
  y: Type.Number(),
  score: Type.Optional(
    Type.Number({ description: 'how sure it is that the point can be seen, where the model says' }),
  ),
});

const AnswerSchema = Type.Object({
  predictions: Type.Array(Type.Object({ ...OBJECT_ANSWER, points: Type.Array(PointSchema) }), {
    description: 'best first',
  }),
});

type Manifest = Static<typeof ManifestSchema>;
export interface KeypointsSpec extends ObjectSpec {
  readonly points: readonly string[];
}
type KeypointsAnswer = {
  readonly predictions: readonly Static<typeof AnswerSchema>['predictions'][number][];
};

/** Objects with their points: faces with eyes, people with joints. */
export const keypoints: Task<Manifest, KeypointsSpec, ObjectParameters, KeypointsAnswer, GoldenObjects> = {
  name: 'keypoints',
  manifestSchema: ManifestSchema,
  goldenSchema: GoldenObjectsSchema,
  recognises: (outputs) => POINT_DECODERS.some((decoder) => decoder.recognises(outputs)),
  resolve,
  describe: (spec) => ({ ...describeObjects(spec), points: [...spec.points] }),
  outputs: ({ fit }) => fit.outputs,
  parameterSchema: (spec) => objectParameters(spec, decoderNamed(POINT_DECODERS, spec.decoder)),
  answerSchema: () => AnswerSchema,
  labels: ({ labels }) => labels,
  interpret(given, geometry, asked, spec) {
    const decoder = decoderNamed(POINT_DECODERS, spec.decoder);
    const outputs = asFloats(given);
    const objects = findObjects(outputs, geometry, asked, spec, decoder);
    const predictions = objects.map(({ candidate, ...object }) => {
      const points = decoder.pointsOf(outputs, contextOf(geometry, spec), candidate);
      return { ...object, points: points.flatMap((point, index) => placed(point, index, geometry, spec)) };
    });
    return { predictions };
  },
  goldenParameters: () => ({}),
  differs: (expected, { predictions }) => objectsDiffer(expected, predictions),
  observe: observeObjects,
  claim: claimOfObjects,
  skeleton: ({ points }) => edgesBetween(points).map(([from, to]) => [points[from] ?? '', points[to] ?? '']),
  draw: ({ predictions }) => ({
    shapes: predictions.flatMap((object) => [boxOf(object), pointsOf(object)]),
  }),
};

function pointsOf({ points, class_id }: KeypointsAnswer['predictions'][number]): PointsShape {
  const seen = points.filter(({ score = 1 }) => score >= LEAST_DRAWN_SCORE);
  return {
    kind: 'points',
    points: seen,
    edges: edgesBetween(seen.map(({ name }) => name)),
    classId: class_id,
  };
}

function resolve(given: Manifest, outputs: readonly TensorInfo[]): KeypointsSpec {
  const spec = resolveObjects(given, outputs, POINT_DECODERS);
  const decoder = decoderNamed(POINT_DECODERS, spec.decoder);
  const count = decoder.countPoints(outputs, spec.fit.classes ?? 1) ?? 0;
  if (given.points !== undefined && given.points.length !== count) {
    misfit(`the manifest names ${given.points.length} points, the outputs of the file have ${count}`);
  }
  const usual = decoder.pointNames.length === count ? decoder.pointNames : undefined;
  const points = given.points ?? usual ?? Array.from({ length: count }, (_, index) => `POINT_${index}`);
  return { ...spec, points };
}

/** None where the model gave no numbers. */
function placed({ x, y, score }: Point, index: number, geometry: Geometry, { points }: KeypointsSpec) {
  if (!Number.isFinite(x + y)) return [];
  const name = points[index] ?? `POINT_${index}`;
  const at = { name, x: across(x, geometry), y: down(y, geometry) };
  return [score !== undefined && Number.isFinite(score) ? { ...at, score: roundedScore(score) } : at];
}
