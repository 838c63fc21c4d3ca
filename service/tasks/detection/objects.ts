import type { Static, TObject } from 'typebox';
import type { BoxShape } from '../../drawing/shapes.js';
import { closed, Type } from '../../json-schema.js';
import type { CoordinateMap } from '../../preprocess/geometry.js';
import { floatsOf, type Tensor, type TensorInfo } from '../../tensor.js';
import type { Claim } from '../claim.js';
import { failure, misfit, shapesOf } from '../faults.js';
import { checkLabels, labelOf, labelsField, labelsFor } from '../labels.js';
import { roundedScore, shownScore } from '../numbers.js';
import type { Geometry, Observation, Outputs } from '../task.js';
import { type BoxDecoder, type DecodeContext, type Fit, ShapeError } from './box-decoder.js';
import { type Candidate, Candidates } from './candidates.js';
import type { Priors } from './priors.js';
import { suppress } from './suppression.js';

/** What all tasks share that find objects in an image. */

const MAX_LABELS = 10_000;
const MAX_DETECTIONS = 1000;
const DEFAULT_MAX_DETECTIONS = 300;

export const ratio = (description: string) => Type.Number({ minimum: 0, maximum: 1, description });

/** Their part of the manifest. @param writes what the decoders make out */
export function objectFields(decoders: readonly BoxDecoder[], writes: string) {
  const names = decoders.map(({ name }) => name);
  const description = `how the model writes ${writes} down; default: by its outputs, where only one decoder fits them`;
  return { decoder: Type.Optional(Type.Enum(names, { description })), ...OBJECT_FIELDS };
}

const OBJECT_FIELDS = {
  labels: labelsField(MAX_LABELS),
  threshold: Type.Optional(ratio('lowest score returned; default: 0.25 to 0.7, by decoder')),
  iou: Type.Optional(
    ratio(
      'overlap from which on two boxes are one object; default: 0.3 or 0.45, by decoder; not used where none is needed',
    ),
  ),
  across_classes: Type.Optional(
    Type.Boolean({ description: 'whether boxes of different classes can be one object; default false' }),
  ),
  max_detections: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_DETECTIONS,
      description: `the best ones; a request may ask for fewer; at most ${MAX_DETECTIONS}, default ${DEFAULT_MAX_DETECTIONS}`,
    }),
  ),
};
const ObjectFieldsSchema = Type.Object(OBJECT_FIELDS);
type GivenFields = Static<typeof ObjectFieldsSchema> & { readonly decoder?: string };

export const boxSchema = (description: string) =>
  Type.Object(
    { x_min: Type.Number(), y_min: Type.Number(), x_max: Type.Number(), y_max: Type.Number() },
    { ...closed, description },
  );
export const BoxSchema = boxSchema('pixels of the image as a person sees it');
export type Box = Static<typeof BoxSchema>;

/** The fields of an answer to one object. */
export const OBJECT_ANSWER = {
  label: Type.String(),
  class_id: Type.Integer(),
  score: Type.Number(),
  box: BoxSchema,
};

export interface ObjectSpec {
  readonly decoder: string;
  readonly fit: Fit;
  /** By class id. */
  readonly labels: readonly string[];
  readonly threshold: number;
  readonly iou: number;
  readonly acrossClasses: boolean;
  readonly maxDetections: number;
  readonly priors?: Priors | undefined;
}

export type ObjectParameters = {
  readonly threshold?: number | undefined;
  readonly iou?: number | undefined;
  readonly max_detections?: number | undefined;
  readonly classes?: readonly string[] | undefined;
};

/** One object of an image, and where the decoder found it. */
export interface FoundObject {
  readonly label: string;
  readonly class_id: number;
  readonly score: number;
  readonly box: Box;
  readonly candidate: Candidate;
}

/** Brings the manifest's part and the file together. Throws MODEL_INCOMPATIBLE. */
export function resolveObjects(
  given: GivenFields,
  outputs: readonly TensorInfo[],
  decoders: readonly BoxDecoder[],
): ObjectSpec {
  const { decoder, fit } = pickDecoder(given, outputs, decoders);
  if (fit.classes !== undefined) checkLabels(given.labels, fit.classes, `what ${decoder.name} reads`);
  return {
    decoder: decoder.name,
    fit,
    labels: labelsFor(given.labels, fit.classes ?? 0),
    threshold: given.threshold ?? decoder.defaults.threshold,
    iou: given.iou ?? decoder.defaults.iou,
    acrossClasses: given.across_classes ?? false,
    maxDetections: given.max_detections ?? DEFAULT_MAX_DETECTIONS,
  };
}

/** What `resolveObjects` made, in the words of the manifest. */
export function describeObjects(spec: ObjectSpec) {
  const { decoder, labels, threshold, iou, acrossClasses, maxDetections } = spec;
  return {
    decoder,
    ...(labels.length > 0 && { labels: [...labels] }),
    threshold,
    iou,
    across_classes: acrossClasses,
    max_detections: maxDetections,
  };
}

function pickDecoder(
  { decoder: name, labels }: GivenFields,
  outputs: readonly TensorInfo[],
  decoders: readonly BoxDecoder[],
): { decoder: BoxDecoder; fit: Fit } {
  const candidates = decoders.filter((each) => (name === undefined ? !each.mustBeNamed : each.name === name));
  const fitting = candidates.flatMap((decoder) => {
    const fit = decoder.fits(outputs, labels?.length);
    return fit === undefined ? [] : [{ decoder, fit }];
  });
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  const shapes = shapesOf(outputs);
  if (only === undefined) return misfit(`${name ?? 'no decoder'} does not fit the outputs ${shapes}`);
  const names = fitting.map(({ decoder }) => decoder.name).join(' and ');
  return misfit(`${names} fit the outputs ${shapes}, so the manifest must say output.decoder`);
}

/** A request may ask for fewer than the model says, and not for more: that bounds an answer. */
export function objectParameters(spec: ObjectSpec, { needsSuppression }: BoxDecoder): TObject {
  const optional = {
    ...(needsSuppression && {
      iou: Type.Optional(ratio('Overlap from which on two boxes are one object; default: as the model says')),
    }),
    ...(spec.labels.length > 0 && {
      classes: Type.Optional(
        Type.Array(Type.Enum([...new Set(spec.labels)]), {
          maxItems: MAX_DETECTIONS,
          description: 'Labels to keep, repeated; default: all',
        }),
      ),
    }),
  };
  return Type.Object(
    {
      threshold: Type.Optional(ratio('Lowest score returned; default: as the model says')),
      max_detections: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: spec.maxDetections,
          description: 'Most boxes, the best ones; default: as many as the model allows',
        }),
      ),
      ...optional,
    },
    closed,
  );
}

/** Every object counts. */
export function observeObjects({
  predictions,
}: {
  readonly predictions: readonly Pick<FoundObject, 'label' | 'score'>[];
}): Observation {
  return {
    labels: predictions.map(({ label }) => label),
    scores: predictions.map(({ score }) => score),
  };
}

/** All of them, and no others. */
export function claimOfObjects({
  predictions,
}: {
  readonly predictions: readonly Pick<FoundObject, 'label' | 'box'>[];
}): Claim {
  return { objects: predictions.map(({ label, box }) => ({ label, box })) };
}

/** How an object is drawn. */
export function boxOf({ box, label, class_id, score }: Omit<FoundObject, 'candidate'>): BoxShape {
  return { kind: 'box', box, text: `${label} ${shownScore(score)}`, classId: class_id };
}

export function decoderNamed<Decoder extends BoxDecoder>(
  decoders: readonly Decoder[],
  name: string,
): Decoder {
  const found = decoders.find((decoder) => decoder.name === name);
  if (found === undefined) throw new Error(`there is no decoder ${name}`);
  return found;
}

export function contextOf({ tensor }: Geometry, { fit, priors }: ObjectSpec): DecodeContext {
  return { ...fit, width: tensor.width, height: tensor.height, priors };
}

/**
 * The objects of one image, best first, in pixels of the image as a person sees it; none that lies outside of it.
 * Throws INFERENCE_FAILED where the outputs are not what they were said to be.
 */
export function findObjects(
  outputs: Outputs,
  geometry: Geometry,
  asked: ObjectParameters,
  spec: ObjectSpec,
  decoder: BoxDecoder,
): FoundObject[] {
  const candidates = decode(outputs, contextOf(geometry, spec), asked, spec, decoder);
  const most = asked.max_detections ?? spec.maxDetections;
  const options = { iou: asked.iou ?? spec.iou, most, acrossClasses: spec.acrossClasses };
  const kept = decoder.needsSuppression
    ? suppress(candidates, options)
    : [...candidates.bestFirst().subarray(0, most)];
  return kept.flatMap((position) => objectOf(candidates.at(position), geometry, spec));
}

function decode(
  outputs: Outputs,
  context: DecodeContext,
  asked: ObjectParameters,
  { threshold, labels }: ObjectSpec,
  decoder: BoxDecoder,
): Candidates {
  const wanted = asked.classes && new Set(asked.classes);
  const into = new Candidates({
    threshold: asked.threshold ?? threshold,
    ...unitOf(decoder, context),
    ...(wanted && { keepsClass: (classId: number) => wanted.has(labelOf(labels, classId)) }),
  });
  try {
    decoder.decode(outputs, context, into);
    return into;
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw failure('The model gave outputs that hold no boxes.', error.message);
  }
}

/**
 * Each output as 32-bit floats, where it is not of texts: for decoders that read something of every object, which would bring
 * all values of a smaller type into these each time.
 */
export function asFloats(outputs: Outputs): Outputs {
  const entries = [...outputs].map(([name, tensor]): [string, Tensor] => {
    if (tensor.type === 'string' || tensor.type === 'float32') return [name, tensor];
    return [name, { type: 'float32', data: floatsOf(tensor), shape: tensor.shape }];
  });
  return new Map(entries);
}

/** Pixels of the input tensor to one unit of a decoder's coordinates. */
export function unitOf({ unit }: BoxDecoder, { width, height }: Pick<DecodeContext, 'width' | 'height'>) {
  return unit === 'input' ? { scaleX: width, scaleY: height } : { scaleX: 1, scaleY: 1 };
}

/** None where nothing of the box is in the image. */
function objectOf(candidate: Candidate, geometry: Geometry, spec: ObjectSpec): FoundObject[] {
  const { classId, score } = candidate;
  const box = {
    x_min: across(candidate.xMin, geometry),
    y_min: down(candidate.yMin, geometry),
    x_max: across(candidate.xMax, geometry),
    y_max: down(candidate.yMax, geometry),
  };
  if (box.x_max <= box.x_min || box.y_max <= box.y_min) return [];
  const label = labelOf(spec.labels, classId);
  return [{ label, class_id: classId, score: roundedScore(score), box, candidate }];
}

/** From the tensor to the image, clipped to it. */
export function across(x: number, { toImage, width }: Geometry): number {
  return placed(x, toImage.scaleX, toImage.offsetX, width);
}

export function down(y: number, { toImage, height }: Geometry): number {
  return placed(y, toImage.scaleY, toImage.offsetY, height);
}

/** In hundredths of a pixel. */
function placed(
  at: number,
  scale: CoordinateMap['scaleX'],
  offset: CoordinateMap['offsetX'],
  size: number,
): number {
  return Math.round(Math.min(Math.max(at * scale + offset, 0), size) * 100) / 100;
}
