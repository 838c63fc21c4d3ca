import type { Static } from 'typebox';
import type { MaskShape } from '../drawing/shapes.js';
import { closed, Type } from '../json-schema.js';
import type { TensorInfo } from '../tensor.js';
import { ShapeError } from './detection/box-decoder.js';
import { type GoldenObjects, goldenObjectsSchema, objectsDiffer } from './detection/golden-objects.js';
import {
  asFloats,
  boxOf,
  boxSchema,
  claimOfObjects,
  contextOf,
  decoderNamed,
  describeObjects,
  type FoundObject,
  findObjects,
  OBJECT_ANSWER,
  type ObjectParameters,
  type ObjectSpec,
  objectFields,
  objectParameters,
  observeObjects,
  ratio,
  resolveObjects,
} from './detection/objects.js';
import { failure } from './faults.js';
import { MASK_DECODERS } from './instance-segmentation/decoders/decoders.js';
import type { MaskDecoder, MaskGrid } from './instance-segmentation/mask-decoder.js';
import { type MaskFrame, maskFrames } from './instance-segmentation/mask-frames.js';
import { renderMask } from './instance-segmentation/render-mask.js';
import { encodeBitPng } from './mask-png.js';
import type { Geometry, Outputs, Task } from './task.js';

const MAX_MASK_SIZE = 1024;
const DEFAULT_MASK_SIZE = 512;
const DEFAULT_AREA_TOLERANCE = 0.1;

const maskSizeField = (maximum: number, description: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum, description }));

const ManifestSchema = Type.Object(
  {
    ...objectFields(MASK_DECODERS, 'objects and masks'),
    mask_size: maskSizeField(
      MAX_MASK_SIZE,
      `longest side of a mask, pixels, where its box is larger; default ${DEFAULT_MASK_SIZE}`,
    ),
  },
  closed,
);

const GoldenSchema = goldenObjectsSchema(
  {
    area: Type.Optional(Type.Number({ minimum: 0, description: 'of the mask, pixels of the image' })),
  },
  {
    area_tolerance: Type.Optional(
      ratio(
        `largest allowed difference of an area, as part of the expected one; default ${DEFAULT_AREA_TOLERANCE}`,
      ),
    ),
  },
);

const AnswerSchema = Type.Object({
  predictions: Type.Array(
    Type.Object({
      ...OBJECT_ANSWER,
      area: Type.Integer({ description: 'of the mask, pixels of the image' }),
      mask: Type.Object({
        box: boxSchema('what it covers, whole pixels of the image; the far edges are not in it'),
        width: Type.Integer({ description: 'of the mask; less than of what it covers where that is large' }),
        height: Type.Integer(),
        png: Type.String({
          description: 'base64; black and white, 1 bit a pixel, white where the object is',
        }),
      }),
    }),
    { description: 'best first' },
  ),
});

type Manifest = Static<typeof ManifestSchema>;
type Instance = Static<typeof AnswerSchema>['predictions'][number];
type InstanceAnswer = { readonly predictions: readonly Instance[] };
type InstanceParameters = ObjectParameters & { readonly mask_size?: number | undefined };
type InstanceGolden = GoldenObjects & Static<typeof GoldenSchema>;
export interface InstanceSpec extends ObjectSpec {
  readonly maskSize: number;
}

/** Objects with the pixels that each of them takes. */
export const instanceSegmentation: Task<
  Manifest,
  InstanceSpec,
  InstanceParameters,
  InstanceAnswer,
  InstanceGolden
> = {
  name: 'instance-segmentation',
  manifestSchema: ManifestSchema,
  goldenSchema: GoldenSchema,
  recognises: (outputs) => MASK_DECODERS.some((decoder) => decoder.recognises(outputs)),
  resolve,
  describe: (spec) => ({ ...describeObjects(spec), mask_size: spec.maskSize }),
  outputs: ({ fit }) => fit.outputs,
  /** A request may ask for smaller masks than the model says, and not for larger ones: work and answer grow with their square. */
  parameterSchema(spec) {
    const { properties } = objectParameters(spec, decoderNamed(MASK_DECODERS, spec.decoder));
    const description = 'Longest side of a mask, pixels, where its box is larger; default: as the model says';
    return Type.Object({ ...properties, mask_size: maskSizeField(spec.maskSize, description) }, closed);
  },
  answerSchema: () => AnswerSchema,
  labels: ({ labels }) => labels,
  interpret,
  goldenParameters: () => ({}),
  differs: (expected, { predictions }) => {
    const { area_tolerance: tolerance = DEFAULT_AREA_TOLERANCE } = expected;
    return objectsDiffer(
      expected,
      predictions,
      ({ area: wanted }: InstanceGolden['predictions'][number], { area }: Instance) =>
        wanted === undefined || Math.abs(area - wanted) <= tolerance * wanted,
    );
  },
  observe: observeObjects,
  claim: claimOfObjects,
  draw: ({ predictions }) => ({
    shapes: [...predictions.map(maskOf), ...predictions.map(boxOf)],
  }),
};

function maskOf({ mask: { png, box }, class_id }: Instance): MaskShape {
  return { kind: 'mask', png, box, classId: class_id };
}

function resolve(given: Manifest, outputs: readonly TensorInfo[]): InstanceSpec {
  return { ...resolveObjects(given, outputs, MASK_DECODERS), maskSize: given.mask_size ?? DEFAULT_MASK_SIZE };
}

function interpret(
  given: Outputs,
  geometry: Geometry,
  asked: InstanceParameters,
  spec: InstanceSpec,
): InstanceAnswer {
  const decoder = decoderNamed(MASK_DECODERS, spec.decoder);
  const outputs = asFloats(given);
  const objects = findObjects(outputs, geometry, asked, spec, decoder);
  const boxes = objects.map(({ box }) => box);
  const frames = maskFrames(boxes, geometry, asked.mask_size ?? spec.maskSize);
  const predictions = objects.map((found, at) => {
    const frame = frames[at] as MaskFrame;
    const mask = renderMask(gridOf(outputs, geometry, spec, decoder, found), frame, geometry);
    return { ...withoutCandidate(found), ...answerOf(mask, frame) };
  });
  return { predictions };
}

function withoutCandidate({ candidate: _, ...object }: FoundObject): Omit<FoundObject, 'candidate'> {
  return object;
}

function gridOf(
  outputs: Outputs,
  geometry: Geometry,
  spec: InstanceSpec,
  decoder: MaskDecoder,
  { candidate }: FoundObject,
): MaskGrid {
  try {
    return decoder.maskOf(outputs, contextOf(geometry, spec), candidate);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw failure('The model gave outputs that hold no masks.', error.message);
  }
}

function answerOf(mask: Uint8Array, frame: MaskFrame): Pick<Instance, 'area' | 'mask'> {
  const { xMin, yMin, xMax, yMax, width, height } = frame;
  let inside = 0;
  for (let index = 0; index < mask.length; index++) inside += mask[index] as number;
  const imagePixels = ((xMax - xMin) * (yMax - yMin)) / mask.length;
  return {
    area: Math.round(inside * imagePixels),
    mask: {
      box: { x_min: xMin, y_min: yMin, x_max: xMax, y_max: yMax },
      width,
      height,
      png: encodeBitPng(mask, width, height).toString('base64'),
    },
  };
}
