import type { Static } from 'typebox';
import { ServiceError } from '../errors.js';
import { closed, compile, Type } from '../json-schema.js';
import { ReferenceSchema, referenceFault } from '../statistics/reference.js';
import type { Golden, Task } from '../tasks/task.js';
import { TASK_NAMES, taskNamed } from '../tasks/tasks.js';

const MAX_GOLDEN = 100;

const anything = (description: string) => Type.Record(Type.String(), Type.Unknown(), { description });

/** How a model was made of another one, and what shows that it may stand in for it. */
const OptimizedSchema = Type.Object(
  {
    from: Type.String({ description: 'digest of that model' }),
    settings: anything('how it was made'),
    tools: anything('names and versions'),
    processor: Type.Object(
      {
        kind: Type.String({ description: 'architecture, and its best instructions for 8-bit products' }),
        model: Type.String(),
      },
      { ...closed, description: 'on which it was proved' },
    ),
    proof: anything('what it loses and gains, measured how'),
  },
  { ...closed, description: 'written by `npm run optimize`: optimize.md' },
);

/**
 * How pixels become the input tensor: `value = (pixel * scale - mean[c]) / std[c]`, pixel in 0..255,
 * after resizing the image as a person sees it (EXIF applied, alpha dropped).
 */
const ResizeSchema = Type.Object(
  {
    rule: Type.Enum(['stretch', 'cover', 'letterbox', 'fit'], {
      description:
        'stretch: to width x height, ignoring the aspect ratio; cover: shortest edge to `shortest_edge`, then centre crop; letterbox: fit inside, pad the rest with `pad_value`; fit: shortest edge to `shortest_edge`, or less where the longest would exceed `longest_edge`, and the tensor has the size of the image (for files whose width and height are dynamic; images run one by one)',
    }),
    filter: Type.Enum(['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos', 'opencv-linear'], {
      description:
        "Pillow's filters, antialiased and bit-exact (torchvision, timm and Hugging Face train with these); opencv-linear: cv2.INTER_LINEAR, half-pixel centres, no antialiasing (YOLO, UltraFace)",
    }),
    shortest_edge: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 8192,
        description: 'pixels; only with cover and fit; default: the larger of width and height',
      }),
    ),
    longest_edge: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 8192, description: 'pixels; only with fit, which needs it' }),
    ),
    multiple_of: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 256,
        description: 'only with fit: what width and height are rounded down to; default 1',
      }),
    ),
    stretch_to: Type.Optional(
      Type.Object(
        {
          width: Type.Integer({ minimum: 1, maximum: 8192 }),
          height: Type.Integer({ minimum: 1, maximum: 8192 }),
        },
        {
          ...closed,
          description:
            'pixels; only with stretch: the size before the centre is cut out; default: width x height of the input',
        },
      ),
    ),
    pad_value: Type.Optional(
      Type.Array(Type.Number({ minimum: 0, maximum: 255 }), {
        minItems: 1,
        maxItems: 3,
        description: 'only with letterbox; one for all channels or one each; default 0',
      }),
    ),
    position: Type.Optional(
      Type.Enum(['center', 'center-floor', 'top-left'], {
        description:
          'center (default); top-left: only with letterbox; center-floor: only with cover and stretch_to, where half a pixel of margin is rounded down, as Hugging Face does, and not to even, as torchvision does',
      }),
    ),
  },
  closed,
);

const InputSchema = Type.Object(
  {
    name: Type.Optional(
      Type.String({ minLength: 1, description: "tensor name; default: the file's only input" }),
    ),
    layout: Type.Optional(
      Type.Enum(['NCHW', 'NHWC'], { description: 'default: derived from the shape in the file' }),
    ),
    type: Type.Optional(
      Type.Enum(['float32', 'float16', 'uint8'], { description: 'default: as in the file' }),
    ),
    width: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 8192, description: 'pixels; default: as in the file' }),
    ),
    height: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 8192, description: 'pixels; default: as in the file' }),
    ),
    channels: Type.Optional(
      Type.Enum(['rgb', 'bgr', 'grey'], {
        description: 'default: rgb for three channels in the file, grey for one',
      }),
    ),
    resize: Type.Optional(ResizeSchema),
    accuracy: Type.Optional(
      Type.Enum(['exact', 'fast'], {
        description:
          'exact (default): JPEGs are decoded whole, as where models are trained; fast: at 1/2, 1/4 or 1/8 of their size where that is still no smaller than what `resize` makes of them; what either costs: preprocessing.md',
      }),
    ),
    scale: Type.Optional(Type.Number({ description: 'default 1/255; 1 for a uint8 input' })),
    mean: Type.Optional(Type.Array(Type.Number(), { minItems: 1, maxItems: 3, description: 'default 0' })),
    std: Type.Optional(
      Type.Array(Type.Number({ exclusiveMinimum: 0 }), {
        minItems: 1,
        maxItems: 3,
        description: 'default 1',
      }),
    ),
  },
  closed,
);

/** What every model.json has, whatever its task; version 1. */
const COMMON = {
  $schema: Type.Optional(Type.String()),
  schema_version: Type.Literal(1),
  name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$' }),
  version: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$' }),
  description: Type.Optional(Type.String()),
  license: Type.Optional(Type.String()),
  file: Type.String({ minLength: 1, description: 'the ONNX file, beside the manifest' }),
  external_data: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      maxItems: 1000,
      description: 'files with the weights that the ONNX file does not hold itself, beside it',
    }),
  ),
  sha256: Type.Optional(
    Type.String({
      pattern: '^(sha256-files:)?[0-9a-f]{64}$',
      description:
        'of the ONNX file; with external data, `sha256-files:` and the digest of all files, see below',
    }),
  ),
  input: Type.Optional(InputSchema),
  metrics: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'of its evaluation' })),
  reference: Type.Optional(ReferenceSchema),
  optimized: Type.Optional(OptimizedSchema),
};

/** model.json of a model with a task: a model's own words about itself. What it leaves out is derived from the ONNX file. */
export function manifestSchema(task: Task) {
  const golden = Type.Object(
    {
      file: Type.String({ minLength: 1, description: 'image beside the manifest' }),
      ...task.goldenSchema.properties,
    },
    closed,
  );
  return Type.Object(
    {
      ...COMMON,
      task: Type.Literal(task.name),
      output: Type.Optional(task.manifestSchema),
      golden: Type.Optional(Type.Array(golden, { maxItems: MAX_GOLDEN })),
    },
    closed,
  );
}

const CommonSchema = Type.Object(COMMON);

export interface Manifest extends Static<typeof CommonSchema> {
  /** Undefined: nobody has said; the model's outputs tell. */
  readonly task?: string;
  /** The task's own part. */
  readonly output?: unknown;
  readonly golden?: readonly Golden[];
}
export type ResizeSpec = Static<typeof ResizeSchema>;

/**
 * Reads a manifest. Throws MODEL_INCOMPATIBLE naming every fault and where it is.
 * @param text the manifest as JSON
 * @param origin where it came from, for the message
 */
export function parseManifest(text: string, origin: string): Manifest {
  const value = parseJson(text, origin);
  const name: unknown = Reflect.get(Object(value), 'task');
  const task = typeof name === 'string' ? taskNamed(name) : undefined;
  if (task === undefined) {
    const given = name === undefined ? 'is missing' : `must be one of ${TASK_NAMES.join(', ')}`;
    throw new ServiceError('MODEL_INCOMPATIBLE', `${origin}: /task ${given}`);
  }
  const validator = compile(manifestSchema(task));
  const faults = validator.Check(value)
    ? faultsOfReference(value as Manifest)
    : validator.Errors(value).map((fault) => `${fault.instancePath || '/'} ${fault.message}`);
  if (faults.length === 0) return value as Manifest;
  throw new ServiceError('MODEL_INCOMPATIBLE', `${origin}: ${[...new Set(faults)].slice(0, 10).join('; ')}`);
}

function faultsOfReference({ reference }: Manifest): string[] {
  const fault = reference && referenceFault(reference);
  return fault === undefined ? [] : [fault];
}

function parseJson(text: string, origin: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ServiceError('MODEL_INCOMPATIBLE', `${origin} is not JSON`, { cause });
  }
}
