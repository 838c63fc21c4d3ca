import type { TensorInfo } from '../../tensor.js';
import { contradiction, type Findings, findings, shown } from './findings.js';
import { type PythonValue, parsePythonLiteral } from './python-literal.js';

/**
 * Ultralytics' exporter writes into the file what the model is for, its input's size and its labels, each as Python prints it.
 * Source: ultralytics/ultralytics `engine/exporter.py`; ultralytics/yolov5 `export.py`, which writes `stride` and `names` alone.
 */
export const ULTRALYTICS_ORIGIN = 'metadata in the ONNX file';

const BOX_VALUES = 4;
const MASK_VALUES = 32;
const POINT_VALUES = 3;
const END_TO_END_COLUMNS = 6;
const PADDING = 114;

/** What all of one kind of model share. */
interface Exported {
  readonly properties: ReadonlyMap<string, string>;
  readonly outputs: readonly TensorInfo[];
  readonly labels: readonly string[];
}

/** Undefined where the file is not of Ultralytics'. Throws MODEL_INCOMPATIBLE where it contradicts itself or is of a kind that is not served. */
export function ultralytics(
  properties: ReadonlyMap<string, string>,
  outputs: readonly TensorInfo[],
): Findings | undefined {
  const names = properties.get('names');
  if (names === undefined || !(properties.has('task') || properties.has('stride'))) return undefined;
  const exported = { properties, outputs, labels: labelsIn(names) };
  return findings(ULTRALYTICS_ORIGIN, {
    ...KINDS[kindOf(exported)]?.(exported),
    ...sizeOf(exported),
    'output.labels': exported.labels,
    description: text(properties.get('description')),
    license: text(properties.get('license')),
  });
}

type Fields = Readonly<Record<string, unknown>>;

const KINDS: Readonly<Record<string, (exported: Exported) => Fields>> = {
  detect,
  segment,
  pose,
  classify,
  obb: () => contradiction('the metadata in the file says task obb; rotated boxes are not served'),
  'yolov5-detect': () => ({ ...letterboxed('detection'), 'output.decoder': 'yolo-v5' }),
  'yolov5-classify': yolov5Classify,
};

function kindOf({ properties, outputs }: Exported): string {
  const task = properties.get('task');
  if (task === undefined) {
    if (outputs.length > 1) contradiction('the masks of YOLOv5 are not served');
    return outputs[0]?.shape.length === 2 ? 'yolov5-classify' : 'yolov5-detect';
  }
  if (Object.hasOwn(KINDS, task) && !task.startsWith('yolov5')) return task;
  return contradiction(
    `the metadata in the file says task ${task}, which is not known; say task in a model.json`,
  );
}

function detect(exported: Exported): Fields {
  const decoder = decoderOf(exported);
  if (decoder !== 'rt-detr') return { ...letterboxed('detection'), 'output.decoder': decoder };
  return {
    task: 'detection',
    'input.resize.rule': 'stretch',
    'input.resize.filter': 'opencv-linear',
    'output.decoder': decoder,
  };
}

/** What the metadata says of non-maximum suppression and what the shape says have to go together. */
function decoderOf(exported: Exported): string {
  const [, rows = -1, columns = -1] = exported.outputs[0]?.shape ?? [];
  const values = BOX_VALUES + exported.labels.length;
  const isSaid = isEndToEnd(exported.properties);
  if (isSaid || (columns === END_TO_END_COLUMNS && rows !== values)) {
    if (columns === END_TO_END_COLUMNS || columns === -1) return 'yolo-end-to-end';
    return mismatch(exported, `boxes after suppression [N, detections, ${END_TO_END_COLUMNS}]`);
  }
  if (rows === values || rows === -1) return 'yolo';
  if (columns === values) return 'rt-detr';
  return mismatch(exported, `[N, ${values}, anchors], or [N, queries, ${values}] of RT-DETR`);
}

function segment(exported: Exported): Fields {
  const { labels } = exported;
  const decoder = gridOrList(exported, 'yolo-segment', BOX_VALUES + labels.length + MASK_VALUES, MASK_VALUES);
  return { ...letterboxed('instance-segmentation'), 'output.decoder': decoder };
}

function pose(exported: Exported): Fields {
  const { properties, labels } = exported;
  const shape = literalOf(properties, 'kpt_shape');
  const [points, values] = Array.isArray(shape) ? shape : [];
  if (typeof points !== 'number' || values !== POINT_VALUES)
    contradiction(
      `the metadata in the file says kpt_shape ${shown(shape)}; served are points of three values, as [17, 3]`,
    );
  const ofPoints = POINT_VALUES * points;
  return {
    ...letterboxed('keypoints'),
    'output.decoder': gridOrList(exported, 'yolo-pose', BOX_VALUES + labels.length + ofPoints, ofPoints),
    'output.points': pointNames(properties, points),
  };
}

/** A grid of anchors, or a list of detections where suppression is in the graph. @param more values of each beside its box */
function gridOrList(exported: Exported, decoder: string, rows: number, more: number): string {
  const [, found = -1, columns = -1] = exported.outputs[0]?.shape ?? [];
  const listed = END_TO_END_COLUMNS + more;
  if (isEndToEnd(exported.properties) || (columns === listed && found !== rows)) {
    if (columns === listed || columns === -1) return `${decoder}-end-to-end`;
    return mismatch(exported, `[N, detections, ${listed}]`);
  }
  return found === -1 || found === rows ? decoder : mismatch(exported, `[N, ${rows}, anchors]`);
}

/** A list, or a dictionary with a list for each class. */
function pointNames(properties: ReadonlyMap<string, string>, points: number): PythonValue | undefined {
  const value = literalOf(properties, 'kpt_names');
  const names = value instanceof Map ? [...value.values()][0] : value;
  if (!Array.isArray(names)) return undefined;
  if (names.length === points) return names;
  return contradiction(`kpt_names in the file has ${names.length} names, kpt_shape ${points} points`);
}

/** The exported graph ends in softmax. Source: `classify_transforms` of `ultralytics/data/augment.py`. */
function classify({ properties }: Exported): Fields {
  return {
    task: 'classification',
    ...shortestEdge(properties, 'bilinear'),
    'output.activation': 'none',
  };
}

/** Crops the largest square, resizes it as OpenCV does, normalises as for ImageNet. */
function yolov5Classify({ properties }: Exported): Fields {
  return {
    task: 'classification',
    ...shortestEdge(properties, 'opencv-linear'),
    'input.mean': [0.485, 0.456, 0.406],
    'input.std': [0.229, 0.224, 0.225],
    'output.activation': 'softmax',
  };
}

function shortestEdge(properties: ReadonlyMap<string, string>, filter: string): Fields {
  const size = imageSize(properties);
  return {
    'input.resize.rule': 'cover',
    'input.resize.filter': filter,
    'input.resize.shortest_edge': size && Math.max(...size),
  };
}

function letterboxed(task: string): Fields {
  return {
    task,
    'input.resize.rule': 'letterbox',
    'input.resize.filter': 'opencv-linear',
    'input.resize.pad_value': [PADDING],
  };
}

function sizeOf({ properties }: Exported): Fields {
  const [height, width] = imageSize(properties) ?? [];
  const channels = Number(properties.get('channels') ?? 3);
  if (channels !== 3 && channels !== 1)
    contradiction(`the metadata in the file says ${channels} channels; served are images of 3 or 1`);
  return {
    'input.width': width,
    'input.height': height,
    'input.channels': channels === 1 ? 'grey' : 'rgb',
    'input.scale': 1 / 255,
  };
}

/** Height and width, pixels. */
function imageSize(properties: ReadonlyMap<string, string>): readonly [number, number] | undefined {
  const value = literalOf(properties, 'imgsz');
  const [height, width] = typeof value === 'number' ? [value, value] : Array.isArray(value) ? value : [];
  return typeof height === 'number' && typeof width === 'number' ? [height, width] : undefined;
}

function isEndToEnd(properties: ReadonlyMap<string, string>): boolean {
  const args = literalOf(properties, 'args');
  const hasNms = args instanceof Map && args.get('nms') === true;
  return hasNms || literalOf(properties, 'end2end') === true;
}

/** By class id. Throws MODEL_INCOMPATIBLE where an id has no name. */
function labelsIn(names: string): readonly string[] {
  const value = parsePythonLiteral(names);
  const entries = value instanceof Map ? value : new Map(Array.isArray(value) ? value.entries() : []);
  const labels = Array.from({ length: entries.size }, (_, id) => entries.get(id));
  if (labels.length > 0 && labels.every((label) => typeof label === 'string')) return labels;
  return contradiction(
    'names in the metadata of the file is no complete list of labels from 0 on; say output.labels and task in a model.json',
  );
}

function mismatch({ outputs, labels }: Exported, expected: string): never {
  const found = outputs.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join(', ');
  return contradiction(
    `the metadata in the file and its outputs contradict each other: with ${labels.length} names they would be ${expected}, they are ${found}`,
  );
}

function literalOf(properties: ReadonlyMap<string, string>, key: string): PythonValue | undefined {
  const value = properties.get(key);
  return value === undefined ? undefined : parsePythonLiteral(value);
}

function text(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
