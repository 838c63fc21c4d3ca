import { floatsOf, type TensorInfo } from '../../tensor.js';
import { type DecodeContext, outputOf, ShapeError } from '../detection/box-decoder.js';
import type { Candidate } from '../detection/candidates.js';
import type { Outputs } from '../task.js';
import type { MaskGrid } from './mask-decoder.js';

const AT_ONCE = 4;

/** Outputs of a model whose masks are sums of prototypes. */
export interface PrototypeOutputs {
  /** [N, anchors or detections, ...] */
  readonly objects: TensorInfo;
  /** [N, prototypes, height, width] */
  readonly prototypes: TensorInfo;
  /** How many there are, which is how many coefficients each object has. */
  readonly count: number;
}

/** Undefined where there are not these two. */
export function prototypeOutputs(outputs: readonly TensorInfo[]): PrototypeOutputs | undefined {
  const objects = outputs.find(({ shape }) => shape.length === 3);
  const prototypes = outputs.find(({ shape }) => shape.length === 4);
  const count = prototypes?.shape[1] ?? -1;
  if (outputs.length !== 2 || objects === undefined || prototypes === undefined || count < 1)
    return undefined;
  return { objects, prototypes, count };
}

/**
 * The sum of prototypes by an object's coefficients, before the sigmoid: above 0 it is more likely than not. Only of the cells
 * between whose middles the box lies. Source: Bolya et al., 2019 (YOLACT); Ultralytics, `process_mask_native` in `utils/ops.py`.
 */
export function prototypeMask(
  outputs: Outputs,
  context: DecodeContext,
  coefficients: Float32Array,
  { xMin, yMin, xMax, yMax }: Candidate,
): MaskGrid {
  const tensor = outputOf(outputs, context, 'prototypes');
  const [count = 0, rows = 0, columns = 0] = tensor.shape;
  const isWhole =
    tensor.shape.length === 3 && tensor.data.length === count * rows * columns && rows * columns > 0;
  if (!isWhole || coefficients.length !== count)
    throw new ShapeError(`prototypes [${tensor.shape.join(', ')}] for ${coefficients.length} coefficients`);
  const [scaleX, scaleY] = [columns / context.width, rows / context.height];
  const [left, right] = cellsAround(xMin * scaleX, xMax * scaleX, columns);
  const [top, bottom] = cellsAround(yMin * scaleY, yMax * scaleY, rows);
  const [width, height] = [right - left, bottom - top];
  const values = new Float32Array(width * height);
  const all = floatsOf(tensor);
  for (let prototype = 0; prototype < count; prototype += AT_ONCE)
    addPrototypes(values, all, { prototype, count, rows, columns, left, top, width, height }, coefficients);
  return { values, width, height, level: 0, scaleX, scaleY, offsetX: -left, offsetY: -top };
}

/** Some prototypes, and which of their cells. */
interface Part {
  readonly prototype: number;
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Four at once: sums are read and written a quarter as often. By index and without checks: a box that fills the input has a
 * million products. Beyond the last prototype it is taken again, none of it.
 */
function addPrototypes(
  sums: Float32Array,
  all: Float32Array,
  { prototype, count, rows, columns, left, top, width, height }: Part,
  coefficients: Float32Array,
): void {
  const [a = 0, b = 0, c = 0, d = 0] = coefficients.subarray(prototype, prototype + AT_ONCE);
  const start = (offset: number): number =>
    (Math.min(prototype + offset, count - 1) * rows + top) * columns + left;
  const [first, second, third, fourth] = [start(0), start(1), start(2), start(3)];
  for (let y = 0; y < height; y++) {
    const row = y * columns;
    for (let x = 0; x < width; x++) {
      const at = row + x;
      const sum =
        a * (all[first + at] as number) +
        b * (all[second + at] as number) +
        c * (all[third + at] as number) +
        d * (all[fourth + at] as number);
      sums[y * width + x] = (sums[y * width + x] as number) + sum;
    }
  }
}

/** From the one to before the other, of those that there are; one at least. */
function cellsAround(from: number, to: number, cells: number): readonly [first: number, end: number] {
  const first = Math.min(Math.max(Math.floor(from - 0.5), 0), cells - 1);
  return [first, Math.min(Math.max(Math.ceil(to + 0.5), first + 1), cells)];
}
