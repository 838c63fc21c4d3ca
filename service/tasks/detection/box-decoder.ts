import type { Tensor, TensorInfo } from '../../tensor.js';
import type { Outputs, WantedOutput } from '../task.js';
import type { Candidates } from './candidates.js';

/** What a decoder reads of a model, and what it is to it. */
export interface Fit {
  /** Names of the outputs, by what they are. */
  readonly roles: Readonly<Record<string, string>>;
  readonly outputs: readonly WantedOutput[];
  /** Classes that the outputs tell apart; undefined where they do not say. */
  readonly classes: number | undefined;
}

export interface DecodeContext {
  readonly roles: Fit['roles'];
  /** Of the input tensor, pixels. */
  readonly width: number;
  readonly height: number;
}

/** One way in which models write down boxes. */
export interface BoxDecoder {
  readonly name: string;
  /** For people: which models. */
  readonly models: string;
  /** Whether one object has several boxes of which one is to be kept. */
  readonly needsSuppression: boolean;
  /** Lowest score and highest overlap as its makers have them. */
  readonly defaults: { readonly threshold: number; readonly iou: number };
  /** What it would read of a model with these outputs, or undefined where it is none of its own. */
  fits(outputs: readonly TensorInfo[]): Fit | undefined;
  /** Throws a ShapeError where an output is not what it was said to be. */
  decode(outputs: Outputs, context: DecodeContext, into: Candidates): void;
}

/** An output that is not shaped as its decoder needs it. */
export class ShapeError extends Error {}

export function outputOf(outputs: Outputs, { roles }: Pick<DecodeContext, 'roles'>, role: string): Tensor {
  const name = roles[role] ?? role;
  const tensor = outputs.get(name);
  if (tensor === undefined) throw new ShapeError(`there is no output ${name}`);
  return tensor;
}

/** Its two dimensions, after the batch. */
export function matrixOf(tensor: Tensor, name: string): readonly [rows: number, columns: number] {
  const [rows, columns, ...rest] = tensor.shape;
  if (rows === undefined || columns === undefined || rest.length > 0)
    throw new ShapeError(`output ${name} has the shape [${tensor.shape.join(', ')}], not [rows, columns]`);
  return [rows, columns];
}

/** Reads one output that is batched. */
export function single(output: TensorInfo, role: string, classes: number | undefined): Fit {
  return { roles: { [role]: output.name }, outputs: [{ name: output.name, isBatched: true }], classes };
}

/** The only output, where it has three dimensions. */
export function onlyMatrix(outputs: readonly TensorInfo[]): TensorInfo | undefined {
  const [only] = outputs;
  return only !== undefined && outputs.length === 1 && only.shape.length === 3 ? only : undefined;
}
