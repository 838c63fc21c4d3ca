import type { Static } from 'typebox';
import { closed, Type } from '../json-schema.js';
import type { TensorInfo } from '../tensor.js';
import { BOX_DECODERS } from './detection/decoders/decoders.js';
import { type GoldenObjects, GoldenObjectsSchema, objectsDiffer } from './detection/golden-objects.js';
import {
  boxOf,
  claimOfObjects,
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
import { DEFAULT_PRIORS, type Priors } from './detection/priors.js';
import { misfit } from './faults.js';
import type { Task } from './task.js';

const MOST_GRIDS = 16;

const PriorsSchema = Type.Object(
  {
    strides: Type.Array(Type.Integer({ minimum: 1, maximum: 1024 }), {
      minItems: 1,
      maxItems: MOST_GRIDS,
      description: 'of each grid: pixels of the input from cell to cell',
    }),
    sizes: Type.Array(
      Type.Array(Type.Number({ exclusiveMinimum: 0 }), { minItems: 1, maxItems: MOST_GRIDS }),
      {
        minItems: 1,
        maxItems: MOST_GRIDS,
        description:
          'of each grid: sides of the squares around the middle of every cell, pixels of the input',
      },
    ),
    center_variance: Type.Optional(Type.Number({ description: `default ${DEFAULT_PRIORS.centerVariance}` })),
    size_variance: Type.Optional(Type.Number({ description: `default ${DEFAULT_PRIORS.sizeVariance}` })),
  },
  { ...closed, description: 'only with ssd-offsets; default: those of UltraFace' },
);

const ManifestSchema = Type.Object(
  {
    ...objectFields(BOX_DECODERS, 'boxes'),
    priors: Type.Optional(PriorsSchema),
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
  resolve,
  describe: (spec) => ({ ...describeObjects(spec), ...(spec.priors && { priors: fieldsOf(spec.priors) }) }),
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
  claim: claimOfObjects,
  draw: ({ predictions }) => ({ shapes: predictions.map(boxOf) }),
};

function resolve(given: Static<typeof ManifestSchema>, outputs: readonly TensorInfo[]): ObjectSpec {
  const spec = resolveObjects(given, outputs, BOX_DECODERS);
  if (given.priors === undefined) return spec;
  if (spec.decoder !== 'ssd-offsets') misfit(`${spec.decoder} has no priors`);
  return { ...spec, priors: priorsOf(given.priors) };
}

function fieldsOf({ strides, sizes, centerVariance, sizeVariance }: Priors): Static<typeof PriorsSchema> {
  return {
    strides: [...strides],
    sizes: sizes.map((each) => [...each]),
    center_variance: centerVariance,
    size_variance: sizeVariance,
  };
}

function priorsOf({ strides, sizes, center_variance, size_variance }: Static<typeof PriorsSchema>): Priors {
  if (strides.length !== sizes.length)
    misfit(`output.priors has ${strides.length} strides and ${sizes.length} lists of sizes`);
  return {
    strides,
    sizes,
    centerVariance: center_variance ?? DEFAULT_PRIORS.centerVariance,
    sizeVariance: size_variance ?? DEFAULT_PRIORS.sizeVariance,
  };
}
