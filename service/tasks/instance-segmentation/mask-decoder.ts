import type { TensorInfo } from '../../tensor.js';
import type { BoxDecoder, DecodeContext } from '../detection/box-decoder.js';
import type { Candidate } from '../detection/candidates.js';
import type { Outputs } from '../task.js';

/** How surely each cell of a grid belongs to an object. */
export interface MaskGrid {
  /** Row by row. */
  readonly values: Float32Array;
  readonly width: number;
  readonly height: number;
  /** Values above it belong to the object. */
  readonly level: number;
  /** Where the grid lies over the input tensor: `tensor * scale + offset`, along each axis, in cells. */
  readonly scaleX: number;
  readonly scaleY: number;
  readonly offsetX: number;
  readonly offsetY: number;
}

/** One way in which models write down objects with masks. */
export interface MaskDecoder extends BoxDecoder {
  /** Whether a model of which nothing else is known is one of its own. */
  recognises(outputs: readonly TensorInfo[]): boolean;
  /** At least of the part of the tensor in which the object's box lies. Throws a ShapeError. */
  maskOf(outputs: Outputs, context: DecodeContext, candidate: Candidate): MaskGrid;
}
