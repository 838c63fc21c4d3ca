import type { Static, TObject } from 'typebox';
import type { Drawing } from '../drawing/shapes.js';
import { closed, Type } from '../json-schema.js';
import { floatsOf, type Tensor, type TensorInfo } from '../tensor.js';
import { failure, misfit } from './faults.js';
import { checkLabels, labelOf, labelsField, labelsFor } from './labels.js';
import { encodeGreyPng } from './mask-png.js';
import { areNumbers } from './numbers.js';
import { pickOutput } from './pick-output.js';
import { classMap, type MaskToGrid, nearestClasses } from './segmentation/class-map.js';
import type { Geometry, Golden, Outputs, Task } from './task.js';

/** A mask has a byte for each pixel. */
const MAX_CLASSES = 256;
const MAX_MASK_SIZE = 1024;
const DEFAULT_MASK_SIZE = 512;
/** What takes less of an image than that is not counted as seen. */
const LEAST_SHARE = 0.01;
const SHARE_DIGITS = 6;
const WHOLE_NUMBERS = new Set(['int64', 'int32', 'uint8', 'int8', 'uint16', 'int16']);

const ManifestSchema = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        minLength: 1,
        description: "tensor name; default: the file's first output of the shape [N, classes, height, width]",
      }),
    ),
    labels: labelsField(MAX_CLASSES),
    mask_size: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_MASK_SIZE,
        description: `longest side of the mask, pixels, where the image is larger; a request may ask for less; at most ${MAX_MASK_SIZE}, default ${DEFAULT_MASK_SIZE}`,
      }),
    ),
  },
  closed,
);

const GoldenSchema = Type.Object(
  {
    classes: Type.Array(Type.Object({ label: Type.String(), share: Type.Number() }, closed), {
      minItems: 1,
      description: 'expected share of the image',
    }),
    tolerance: Type.Number({ minimum: 0, description: 'largest allowed difference of a share' }),
  },
  closed,
);

const PARAMETERS = {
  picture: Type.Optional(
    Type.Enum(['overlay', 'mask'], {
      description:
        'Where a picture is asked for (Accept): the image with its classes in colour, or the mask, a grey PNG whose pixels are class ids; default overlay',
    }),
  ),
};

const AnswerSchema = Type.Object({
  classes: Type.Array(
    Type.Object({
      label: Type.String(),
      class_id: Type.Integer(),
      share: Type.Number({ description: 'of the image, 0 to 1' }),
    }),
    { description: 'those in the image, the largest first' },
  ),
  mask: Type.Object(
    {
      width: Type.Integer(),
      height: Type.Integer(),
      png: Type.String({ description: 'base64; a grey PNG whose pixels are class ids' }),
    },
    { description: 'the whole image as a person sees it' },
  ),
});

type Manifest = Static<typeof ManifestSchema>;
type SegmentationParameters = {
  readonly mask_size?: number | undefined;
  readonly picture?: 'overlay' | 'mask' | undefined;
};
type SegmentationAnswer = Readonly<Static<typeof AnswerSchema>>;
type SegmentationGolden = Golden & Static<typeof GoldenSchema>;
export interface SegmentationSpec {
  readonly outputName: string;
  /** Scores of classes, or the class of each cell. */
  readonly kind: 'scores' | 'classes';
  readonly labels: readonly string[];
  readonly maskSize: number;
}

/** The class of every pixel. */
export const segmentation: Task<
  Manifest,
  SegmentationSpec,
  SegmentationParameters,
  SegmentationAnswer,
  SegmentationGolden
> = {
  name: 'segmentation',
  manifestSchema: ManifestSchema,
  goldenSchema: GoldenSchema,
  recognises: (outputs) => outputs.some((output) => kindOf(output) === 'scores'),
  resolve,
  describe: ({ outputName, labels, maskSize }) => ({
    name: outputName,
    ...(labels.length > 0 && { labels: [...labels] }),
    mask_size: maskSize,
  }),
  outputs: ({ outputName }) => [{ name: outputName, isBatched: true }],
  parameterSchema,
  answerSchema: () => AnswerSchema,
  labels: ({ labels }) => labels,
  interpret,
  goldenParameters: () => ({}),
  differs,
  observe: ({ classes }) => ({
    labels: classes.filter(({ share }) => share >= LEAST_SHARE).map(({ label }) => label),
    scores: [],
  }),
  draw,
};

/** A request may ask for a smaller mask than the model says, and not for a larger one: work and answer grow with its square. */
function parameterSchema({ maskSize }: SegmentationSpec): TObject {
  const mask_size = Type.Integer({
    minimum: 1,
    maximum: maskSize,
    description: 'Longest side of the mask, pixels, where the image is larger; default: as the model says',
  });
  return Type.Object({ mask_size: Type.Optional(mask_size), ...PARAMETERS }, closed);
}

/** What is no object of its own is not coloured. */
const BACKGROUND = /^_*(background|unlabell?ed|void)_*$/i;

function draw({ classes, mask }: SegmentationAnswer, { picture }: SegmentationParameters): Drawing {
  if (picture === 'mask') return { picture: { bytes: Buffer.from(mask.png, 'base64'), format: 'png' } };
  const seen = classes.filter(({ label }) => !BACKGROUND.test(label));
  const without = classes.filter(({ label }) => BACKGROUND.test(label)).map(({ class_id }) => class_id);
  const lines = seen.map(({ label, class_id, share }) => ({
    text: `${label} ${(share * 100).toFixed(0)} %`,
    classId: class_id,
  }));
  return {
    shapes: [
      { kind: 'class-map', png: mask.png, without },
      { kind: 'caption', lines },
    ],
  };
}

/** [N, classes, height, width]: scores; [N, height, width], or with one channel, of whole numbers: classes. */
function kindOf({ shape, type }: TensorInfo): SegmentationSpec['kind'] | undefined {
  const [, channels = -1, ...rest] = shape;
  if (shape.length === 4 && channels > 1 && rest.length === 2) return 'scores';
  const isMap = shape.length === 3 || (shape.length === 4 && channels === 1);
  return isMap && WHOLE_NUMBERS.has(type) ? 'classes' : undefined;
}

function resolve(given: Manifest, outputs: readonly TensorInfo[]): SegmentationSpec {
  const wanted = 'scores of pixels have the shape [N, classes, height, width]';
  const output = pickOutput(outputs, given.name, (each) => kindOf(each) !== undefined, wanted);
  const kind = kindOf(output) ?? 'scores';
  const classes = kind === 'scores' ? (output.shape[1] ?? 0) : (given.labels?.length ?? 0);
  if (classes > MAX_CLASSES)
    misfit(`output ${output.name} has ${classes} classes, a mask has at most ${MAX_CLASSES}`);
  checkLabels(given.labels, classes, `output ${output.name}`);
  return {
    outputName: output.name,
    kind,
    labels: labelsFor(given.labels, classes),
    maskSize: given.mask_size ?? DEFAULT_MASK_SIZE,
  };
}

function interpret(
  outputs: Outputs,
  geometry: Geometry,
  asked: SegmentationParameters,
  spec: SegmentationSpec,
): SegmentationAnswer {
  const tensor = outputs.get(spec.outputName);
  if (tensor === undefined) throw failure('The model gave no mask.');
  const scale = Math.min(1, (asked.mask_size ?? spec.maskSize) / Math.max(geometry.width, geometry.height));
  const width = Math.max(1, Math.round(geometry.width * scale));
  const height = Math.max(1, Math.round(geometry.height * scale));
  const mask = maskOf(tensor, geometry, width, height, spec);
  const png = encodeGreyPng(mask, width, height).toString('base64');
  return { classes: sharesOf(mask, spec), mask: { width, height, png } };
}

function maskOf(
  tensor: Tensor,
  geometry: Geometry,
  width: number,
  height: number,
  { kind, outputName }: SegmentationSpec,
): Uint8Array {
  const [gridHeight = 0, gridWidth = 0] = tensor.shape.slice(-2);
  const cells = gridHeight * gridWidth;
  const size = tensor.shape.reduce((product, each) => product * each, 1);
  const isGrid =
    cells > 0 &&
    size === tensor.data.length &&
    (kind === 'classes' ? size === cells : tensor.shape.length === 3);
  if (!isGrid)
    throw failure('The model gave no mask.', `${outputName} has the shape [${tensor.shape.join(', ')}]`);
  const map = toGrid(geometry, { width, height }, { width: gridWidth, height: gridHeight });
  const values = floatsOf(tensor);
  if (kind === 'classes') return nearestClasses(values, gridWidth, gridHeight, map, width, height);
  if (!areNumbers(values)) throw failure('The model gave scores that are not numbers.');
  const classes = Math.min(values.length / cells, MAX_CLASSES);
  return classMap({ values, classes, width: gridWidth, height: gridHeight }, map, width, height);
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** From pixels of the mask, which is the whole image, by way of the tensor to cells of the grid over it. */
function toGrid({ width, height, tensor, toImage }: Geometry, mask: Size, grid: Size): MaskToGrid {
  const [cellsX, cellsY] = [grid.width / tensor.width, grid.height / tensor.height];
  return {
    scaleX: (width / mask.width / toImage.scaleX) * cellsX,
    scaleY: (height / mask.height / toImage.scaleY) * cellsY,
    offsetX: (-toImage.offsetX / toImage.scaleX) * cellsX,
    offsetY: (-toImage.offsetY / toImage.scaleY) * cellsY,
  };
}

function sharesOf(mask: Uint8Array, { labels }: SegmentationSpec): SegmentationAnswer['classes'] {
  const counts = new Uint32Array(MAX_CLASSES);
  for (let index = 0; index < mask.length; index++) {
    const classId = mask[index] as number;
    counts[classId] = (counts[classId] as number) + 1;
  }
  return [...counts.entries()]
    .filter(([, count]) => count > 0)
    .sort(([one, ones], [other, others]) => others - ones || one - other)
    .map(([classId, count]) => ({
      label: labelOf(labels, classId),
      class_id: classId,
      share: Number((count / mask.length).toPrecision(SHARE_DIGITS)),
    }));
}

function differs({ classes, tolerance }: SegmentationGolden, given: SegmentationAnswer): string | undefined {
  for (const { label, share } of classes) {
    const found = given.classes.find((each) => each.label === label)?.share ?? 0;
    if (Math.abs(found - share) > tolerance) return `expected a share of ${share} of ${label}, got ${found}`;
  }
  return undefined;
}
