import { floatsOf, type TensorInfo } from '../../tensor.js';
import { type DecodeContext, outputOf, ShapeError } from '../detection/box-decoder.js';
import type { Candidate } from '../detection/candidates.js';
import type { Outputs } from '../task.js';
import type { MaskGrid } from './mask-decoder.js';

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
  for (let prototype = 0; prototype < count; prototype++) {
    const coefficient = coefficients[prototype] as number;
    for (let y = 0; y < height; y++) {
      const from = (prototype * rows + top + y) * columns + left;
      const to = y * width;
      for (let x = 0; x < width; x++)
        values[to + x] = (values[to + x] as number) + coefficient * (all[from + x] as number);
    }
  }
  return { values, width, height, level: 0, scaleX, scaleY, offsetX: -left, offsetY: -top };
}

/** From the one to before the other, of those that there are; one at least. */
function cellsAround(from: number, to: number, cells: number): readonly [first: number, end: number] {
  const first = Math.min(Math.max(Math.floor(from - 0.5), 0), cells - 1);
  return [first, Math.min(Math.max(Math.ceil(to + 0.5), first + 1), cells)];
}
