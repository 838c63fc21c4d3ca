import type { Static } from 'typebox';
import { BOX_DECODERS } from './detection/decoders/decoders.js';
import { type GoldenObjects, GoldenObjectsSchema, objectsDiffer } from './detection/golden-objects.js';
import {
  boxOf,
  decoderNamed,
  describeObjects,
  findObjects,
  OBJECT_ANSWER,
  type ObjectParameters,
  type ObjectSpec,
  objectFields,
  objectParameters,
  observeObjects,
  resolveObjects,
} from './detection/objects.js';
import { closed, Type } from './schema-types.js';
import type { Task } from './task.js';

const ManifestSchema = Type.Object(
  {
    ...objectFields(BOX_DECODERS, 'boxes'),
  },
  closed,
);

const AnswerSchema = Type.Object({
  predictions: Type.Array(Type.Object(OBJECT_ANSWER), { description: 'best first' }),
});

export type Detection = Static<typeof AnswerSchema>['predictions'][number];
type DetectionAnswer = { readonly predictions: readonly Detection[] };

/** What is in an image and where: labelled boxes. */
export const detection: Task<
  Static<typeof ManifestSchema>,
  ObjectSpec,
  ObjectParameters,
  DetectionAnswer,
  GoldenObjects
> = {
  name: 'detection',
  manifestSchema: ManifestSchema,
  goldenSchema: GoldenObjectsSchema,
  recognises: (outputs) => BOX_DECODERS.some((decoder) => decoder.fits(outputs) !== undefined),
  resolve: (given, outputs) => resolveObjects(given, outputs, BOX_DECODERS),
  describe: describeObjects,
  outputs: ({ fit }) => fit.outputs,
  parameterSchema: (spec) => objectParameters(spec, decoderNamed(BOX_DECODERS, spec.decoder)),
  answerSchema: () => AnswerSchema,
  labels: ({ labels }) => labels,
  interpret(outputs, geometry, asked, spec) {
    const decoder = decoderNamed(BOX_DECODERS, spec.decoder);
    const objects = findObjects(outputs, geometry, asked, spec, decoder);
    return { predictions: objects.map(({ candidate: _, ...prediction }) => prediction) };
  },
  goldenParameters: () => ({}),
  differs: (expected, { predictions }) => objectsDiffer(expected, predictions),
  observe: observeObjects,
  draw: ({ predictions }) => ({ shapes: predictions.map(boxOf) }),
};
