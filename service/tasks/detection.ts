import Type, { type Static, type TObject } from 'typebox';
import { ServiceError } from '../errors.js';
import type { CoordinateMap } from '../preprocess/geometry.js';
import type { TensorInfo } from '../tensor.js';
import { type BoxDecoder, type Fit, ShapeError } from './detection/box-decoder.js';
import { type Candidate, Candidates } from './detection/candidates.js';
import { BOX_DECODERS } from './detection/decoders/decoders.js';
import { byScore, overlap, suppress } from './detection/suppression.js';
import { misfit } from './misfit.js';
import type { Geometry, Golden, Outputs, Task } from './task.js';

const MAX_LABELS = 10_000;
const MAX_DETECTIONS = 1000;
const DEFAULT_MAX_DETECTIONS = 300;
const DEFAULT_GOLDEN_IOU = 0.9;
/** Significant digits of a score: about what a 32-bit float holds. */
const SCORE_DIGITS = 6;

const closed = { additionalProperties: false } as const;
const ratio = (description: string) => Type.Number({ minimum: 0, maximum: 1, description });

const ManifestSchema = Type.Object(
  {
    decoder: Type.Optional(
      Type.Enum(
        BOX_DECODERS.map(({ name }) => name),
        {
          description:
            'how the model writes boxes down; default: by its outputs, where only one decoder fits them',
        },
      ),
    ),
    labels: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        maxItems: MAX_LABELS,
        description: 'by class id; default LABEL_0, LABEL_1, ...',
      }),
    ),
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
      Type.Integer({ minimum: 1, maximum: MAX_DETECTIONS, description: `default ${DEFAULT_MAX_DETECTIONS}` }),
    ),
  },
  closed,
);

const BoxSchema = Type.Object(
  { x_min: Type.Number(), y_min: Type.Number(), x_max: Type.Number(), y_max: Type.Number() },
  { ...closed, description: 'pixels of the image as a person sees it' },
);

const GoldenSchema = Type.Object(
  {
    predictions: Type.Array(
      Type.Object({ label: Type.String(), score: Type.Number(), box: BoxSchema }, closed),
      { description: 'all that is expected' },
    ),
    tolerance: Type.Number({ minimum: 0, description: 'largest allowed difference of a score' }),
    iou: Type.Optional(ratio(`least overlap of a box with the expected one; default ${DEFAULT_GOLDEN_IOU}`)),
  },
  closed,
);

const AnswerSchema = Type.Object({
  predictions: Type.Array(
    Type.Object({ label: Type.String(), class_id: Type.Integer(), score: Type.Number(), box: BoxSchema }),
    { description: 'best first' },
  ),
});

export interface DetectionSpec {
  readonly decoder: string;
  readonly fit: Fit;
  /** By class id. */
  readonly labels: readonly string[];
  readonly threshold: number;
  readonly iou: number;
  readonly acrossClasses: boolean;
  readonly maxDetections: number;
}

type Manifest = Static<typeof ManifestSchema>;
export type DetectionParameters = {
  readonly threshold?: number | undefined;
  readonly iou?: number | undefined;
  readonly max_detections?: number | undefined;
  readonly classes?: readonly string[] | undefined;
};
export type Detection = Static<typeof AnswerSchema>['predictions'][number];
type DetectionAnswer = { readonly predictions: readonly Detection[] };
type DetectionGolden = Golden & Static<typeof GoldenSchema>;

/** What is in an image and where: labelled boxes. */
export const detection: Task<Manifest, DetectionSpec, DetectionParameters, DetectionAnswer, DetectionGolden> =
  {
    name: 'detection',
    summary: 'labelled boxes, best first',
    manifestSchema: ManifestSchema,
    goldenSchema: GoldenSchema,
    recognises: (outputs) => BOX_DECODERS.some((decoder) => decoder.fits(outputs) !== undefined),
    resolve,
    outputs: ({ fit }) => fit.outputs,
    parameterSchema,
    answerSchema: () => AnswerSchema,
    labels: ({ labels }) => labels,
    interpret,
    goldenParameters: () => ({}),
    differs,
    observe: ({ predictions }) => ({
      labels: predictions.map(({ label }) => label),
      scores: predictions.map(({ score }) => score),
    }),
  };

function resolve(given: Manifest, outputs: readonly TensorInfo[]): DetectionSpec {
  const { decoder, fit } = pickDecoder(given.decoder, outputs);
  const { labels } = given;
  if (labels !== undefined && fit.classes !== undefined && labels.length !== fit.classes) {
    misfit(
      `the manifest has ${labels.length} labels, the outputs of the file tell ${fit.classes} classes apart`,
    );
  }
  return {
    decoder: decoder.name,
    fit,
    labels: labels ?? Array.from({ length: fit.classes ?? 0 }, (_, id) => `LABEL_${id}`),
    threshold: given.threshold ?? decoder.defaults.threshold,
    iou: given.iou ?? decoder.defaults.iou,
    acrossClasses: given.across_classes ?? false,
    maxDetections: given.max_detections ?? DEFAULT_MAX_DETECTIONS,
  };
}

function pickDecoder(
  name: string | undefined,
  outputs: readonly TensorInfo[],
): { decoder: BoxDecoder; fit: Fit } {
  const candidates = name === undefined ? BOX_DECODERS : BOX_DECODERS.filter((each) => each.name === name);
  const fitting = candidates.flatMap((decoder) => {
    const fit = decoder.fits(outputs);
    return fit === undefined ? [] : [{ decoder, fit }];
  });
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  const shapes = outputs.map((output) => `${output.name} [${output.shape.join(', ')}]`).join(', ');
  if (only === undefined) return misfit(`${name ?? 'no decoder'} does not fit the outputs ${shapes}`);
  const names = fitting.map(({ decoder }) => decoder.name).join(' and ');
  return misfit(`${names} fit the outputs ${shapes}, so the manifest must say output.decoder`);
}

function parameterSchema(spec: DetectionSpec): TObject {
  const optional = {
    ...(decoderOf(spec).needsSuppression && {
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
          maximum: MAX_DETECTIONS,
          description: 'Most boxes, the best ones; default: as the model says',
        }),
      ),
      ...optional,
    },
    closed,
  );
}

function decoderOf({ decoder }: DetectionSpec): BoxDecoder {
  const found = BOX_DECODERS.find(({ name }) => name === decoder);
  if (found === undefined) throw new Error(`there is no decoder ${decoder}`);
  return found;
}

function interpret(
  outputs: Outputs,
  geometry: Geometry,
  asked: DetectionParameters,
  spec: DetectionSpec,
): DetectionAnswer {
  const decoder = decoderOf(spec);
  const candidates = decode(
    decoder,
    outputs,
    geometry,
    new Candidates(asked.threshold ?? spec.threshold),
    spec,
  );
  const wanted = asked.classes && new Set(asked.classes);
  const found = wanted ? candidates.filter(({ classId }) => wanted.has(labelOf(spec, classId))) : candidates;
  const most = asked.max_detections ?? spec.maxDetections;
  const options = { iou: asked.iou ?? spec.iou, most, acrossClasses: spec.acrossClasses };
  const kept = decoder.needsSuppression ? suppress(found, options) : found.toSorted(byScore).slice(0, most);
  return { predictions: kept.flatMap((candidate) => predictionOf(candidate, geometry, spec)) };
}

/** Throws INFERENCE_FAILED where the outputs are not what they were said to be. */
function decode(
  decoder: BoxDecoder,
  outputs: Outputs,
  { tensor }: Geometry,
  into: Candidates,
  { fit }: DetectionSpec,
): readonly Candidate[] {
  try {
    decoder.decode(outputs, { roles: fit.roles, width: tensor.width, height: tensor.height }, into);
    return into.all;
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new ServiceError('INFERENCE_FAILED', 'The model gave outputs that hold no boxes.', {
      cause: error.message,
    });
  }
}

function labelOf({ labels }: DetectionSpec, classId: number): string {
  return labels[classId] ?? `LABEL_${classId}`;
}

/** None where nothing of the box is in the image. */
function predictionOf(candidate: Candidate, geometry: Geometry, spec: DetectionSpec): Detection[] {
  const { classId, score } = candidate;
  const { width, height, toImage } = geometry;
  const across = (x: number): number => placed(x, toImage.scaleX, toImage.offsetX, width);
  const down = (y: number): number => placed(y, toImage.scaleY, toImage.offsetY, height);
  const box = {
    x_min: across(candidate.xMin),
    y_min: down(candidate.yMin),
    x_max: across(candidate.xMax),
    y_max: down(candidate.yMax),
  };
  if (box.x_max <= box.x_min || box.y_max <= box.y_min) return [];
  const rounded = Number(score.toPrecision(SCORE_DIGITS));
  return [{ label: labelOf(spec, classId), class_id: classId, score: rounded, box }];
}

/** From the tensor to the image, clipped to it, in hundredths of a pixel. */
function placed(
  at: number,
  scale: CoordinateMap['scaleX'],
  offset: CoordinateMap['offsetX'],
  size: number,
): number {
  return Math.round(Math.min(Math.max(at * scale + offset, 0), size) * 100) / 100;
}

/**
 * Every expected object has to be found, and nothing else that is surer than the least sure of them: what lies at the
 * threshold may be on either side of it.
 */
function differs(expected: DetectionGolden, given: DetectionAnswer): string | undefined {
  const { predictions, tolerance, iou = DEFAULT_GOLDEN_IOU } = expected;
  const left = new Set(given.predictions);
  for (const wanted of predictions) {
    const match = [...left].find(
      (found) =>
        found.label === wanted.label &&
        Math.abs(found.score - wanted.score) <= tolerance &&
        overlap(candidateOf(found.box), candidateOf(wanted.box)) >= iou,
    );
    if (match === undefined) return `expected ${shown(wanted)}, got ${nearest(wanted, given.predictions)}`;
    left.delete(match);
  }
  const least = Math.min(1, ...predictions.map(({ score }) => score));
  const surplus = [...left].find(({ score }) => score > least + tolerance);
  return surplus && `expected ${predictions.length} objects, got ${shown(surplus)} as well`;
}

function candidateOf({ x_min, y_min, x_max, y_max }: Detection['box']): Candidate {
  return { xMin: x_min, yMin: y_min, xMax: x_max, yMax: y_max, score: 0, classId: 0, index: 0 };
}

function nearest(wanted: Omit<Detection, 'class_id'>, found: readonly Detection[]): string {
  const overlapOf = ({ box }: Detection): number => overlap(candidateOf(box), candidateOf(wanted.box));
  const [best] = found.toSorted((one, other) => overlapOf(other) - overlapOf(one));
  return best === undefined ? 'nothing' : shown(best);
}

function shown({ label, score, box }: Omit<Detection, 'class_id'>): string {
  return `${label} at ${score.toFixed(4)} in ${box.x_min},${box.y_min} to ${box.x_max},${box.y_max}`;
}
