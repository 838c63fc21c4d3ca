import type { TensorInfo } from '../../../tensor.js';
import { type DecodeContext, floatsFor } from '../../detection/box-decoder.js';
import type { Outputs } from '../../task.js';
import type { PointDecoder } from '../point-decoder.js';

const STRIDES = [8, 16, 32] as const;
const KINDS = { cls: 1, obj: 1, bbox: 4, kps: 10 } as const;
const POINTS = 5;

/** Where a candidate's index lies: its grid, and its cell in that. */
interface Cell {
  readonly stride: number;
  readonly index: number;
  readonly column: number;
  readonly row: number;
}

/**
 * YuNet, faces with five points: for each stride of 8, 16 and 32 the outputs `cls_S`, `obj_S` [N, cells, 1], `bbox_S`
 * [N, cells, 4] and `kps_S` [N, cells, 10], cells row by row. The score is the root of class times objectness; centre and
 * points are offsets from the cell in strides, width and height exponents. Source: OpenCV, `modules/objdetect/src/face_detect.cpp`.
 */
export const yunet: PointDecoder = {
  name: 'yunet',
  models: 'YuNet (faces)',
  unit: 'pixel',
  needsSuppression: true,
  defaults: { threshold: 0.9, iou: 0.3 },
  pointNames: ['right_eye', 'left_eye', 'nose', 'right_mouth_corner', 'left_mouth_corner'],
  countPoints: (outputs) => (namesIn(outputs) === undefined ? undefined : POINTS),
  recognises: (outputs) => namesIn(outputs) !== undefined,
  fits(outputs) {
    const names = namesIn(outputs);
    if (names === undefined) return undefined;
    return {
      roles: Object.fromEntries(names.map((name) => [name, name])),
      outputs: names.map((name) => ({ name, isBatched: true })),
      classes: 1,
    };
  },
  decode(outputs, context, into) {
    let first = 0;
    for (const stride of STRIDES) {
      const classes = valuesOf(outputs, context, 'cls', stride);
      const objects = valuesOf(outputs, context, 'obj', stride);
      const boxes = valuesOf(outputs, context, 'bbox', stride);
      for (let index = 0; index < classes.length; index++) {
        const score = Math.sqrt(clamped(classes[index]) * clamped(objects[index]));
        if (!(score >= into.threshold)) continue;
        const { column, row } = cellOf(first + index, context);
        const [x = 0, y = 0, width = 0, height = 0] = boxes.subarray(index * 4);
        into.addCentre(
          first + index,
          0,
          score,
          (column + x) * stride,
          (row + y) * stride,
          Math.exp(width) * stride,
          Math.exp(height) * stride,
        );
      }
      first += cellsOf(stride, context);
    }
  },
  pointsOf(outputs, context, candidate) {
    const { stride, index, column, row } = cellOf(candidate.index, context);
    const values = valuesOf(outputs, context, 'kps', stride).subarray(index * 2 * POINTS);
    return Array.from({ length: POINTS }, (_, point) => ({
      x: (column + (values[2 * point] ?? 0)) * stride,
      y: (row + (values[2 * point + 1] ?? 0)) * stride,
      score: undefined,
    }));
  },
};

function namesIn(outputs: readonly TensorInfo[]): string[] | undefined {
  const wanted = STRIDES.flatMap((stride) =>
    Object.entries(KINDS).map(([kind, columns]) => ({ name: `${kind}_${stride}`, columns })),
  );
  const isThere = ({ name, columns }: (typeof wanted)[number]): boolean =>
    outputs.some((output) => output.name === name && output.shape.at(-1) === columns);
  return wanted.every(isThere) ? wanted.map(({ name }) => name) : undefined;
}

function valuesOf(
  outputs: Outputs,
  context: DecodeContext,
  kind: keyof typeof KINDS,
  stride: number,
): Float32Array {
  return floatsFor(outputs, context, `${kind}_${stride}`, cellsOf(stride, context) * KINDS[kind]);
}

function cellsOf(stride: number, { width, height }: DecodeContext): number {
  return Math.floor(width / stride) * Math.floor(height / stride);
}

function cellOf(candidate: number, context: DecodeContext): Cell {
  let index = candidate;
  for (const stride of STRIDES) {
    const cells = cellsOf(stride, context);
    const columns = Math.floor(context.width / stride);
    if (index < cells) return { stride, index, column: index % columns, row: Math.floor(index / columns) };
    index -= cells;
  }
  throw new Error(`there is no cell ${candidate}`);
}

function clamped(value = 0): number {
  return Math.min(Math.max(value, 0), 1);
}
