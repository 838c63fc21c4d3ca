import type { TensorInfo } from '../../tensor.js';
import type { BoxDecoder, DecodeContext } from '../detection/box-decoder.js';
import type { Candidate } from '../detection/candidates.js';
import type { Outputs } from '../task.js';

/** One point of an object, in pixels of the input tensor. */
export interface Point {
  readonly x: number;
  readonly y: number;
  /** How sure the model is that it can be seen, 0 to 1, where it says. */
  readonly score: number | undefined;
}

/** One way in which models write down objects with points. */
export interface PointDecoder extends BoxDecoder {
  /** By position, where its makers have named them. */
  readonly pointNames: readonly string[];
  /** Points that such a model has for each object; undefined where its outputs do not fit. */
  countPoints(outputs: readonly TensorInfo[], classes: number): number | undefined;
  /** Whether a model of which nothing else is known is one of its own. */
  recognises(outputs: readonly TensorInfo[]): boolean;
  pointsOf(outputs: Outputs, context: DecodeContext, candidate: Candidate): Point[];
}
