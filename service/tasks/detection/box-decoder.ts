import { floatsOf, type Tensor, type TensorInfo } from '../../tensor.js';
import type { Outputs, WantedOutput } from '../task.js';
import type { Candidates } from './candidates.js';
import type { Priors } from './priors.js';

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
  readonly classes: Fit['classes'];
  /** Of the input tensor, pixels. */
  readonly width: number;
  readonly height: number;
  /** Only of a model whose manifest has them. */
  readonly priors?: Priors | undefined;
}

/** One way in which models write down boxes. */
export interface BoxDecoder {
  readonly name: string;
  /** For people: which models. */
  readonly models: string;
  /** What coordinates count: pixels of the input tensor, or the whole of it as 1. */
  readonly unit: 'pixel' | 'input';
  /** Whether one object has several boxes of which one is to be kept. */
  readonly needsSuppression: boolean;
  /** Whether another decoder takes the same outputs, so that the manifest has to ask for this one. */
  readonly mustBeNamed?: true;
  /** Lowest score and highest overlap as its makers have them. */
  readonly defaults: { readonly threshold: number; readonly iou: number };
  /**
   * What it would read of a model with these outputs, or undefined where it is none of its own.
   * @param classes that the manifest names, where it does
   */
  fits(outputs: readonly TensorInfo[], classes?: number): Fit | undefined;
  /** Throws a ShapeError where an output is not what it was said to be. */
  decode(outputs: Outputs, context: DecodeContext, into: Candidates): void;
}

/** An output that is not shaped as its decoder needs it. */
export class ShapeError extends Error {}

type Roles = Pick<DecodeContext, 'roles'>;

export function outputOf(outputs: Outputs, { roles }: Roles, role: string): Tensor {
  const name = roles[role] ?? role;
  const tensor = outputs.get(name);
  if (tensor === undefined) throw new ShapeError(`there is no output ${name}`);
  if (tensor.type === 'string') throw new ShapeError(`output ${name} holds texts`);
  return tensor;
}

/** Values of an output that has to have `count` of them. Throws a ShapeError where it has not. */
export function floatsFor(outputs: Outputs, context: Roles, role: string, count: number): Float32Array {
  const tensor = outputOf(outputs, context, role);
  if (tensor.data.length !== count)
    throw new ShapeError(`output ${role} has ${tensor.data.length} values, not ${count}`);
  return floatsOf(tensor);
}

/** An output of two dimensions after the batch, row by row. */
export interface Matrix {
  readonly values: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** Throws a ShapeError where it has other dimensions. */
export function matrixOf(outputs: Outputs, context: Roles, role: string): Matrix {
  const { shape } = outputOf(outputs, context, role);
  const [rows, columns, ...rest] = shape;
  if (rows === undefined || columns === undefined || rest.length > 0)
    throw new ShapeError(`output ${role} has the shape [${shape.join(', ')}], not [rows, columns]`);
  return { values: floatsFor(outputs, context, role, rows * columns), rows, columns };
}

/** Reads one output that is batched. */
export function single(output: TensorInfo, role: string, classes: number | undefined): Fit {
  return batched({ [role]: output }, classes);
}

/** Reads outputs that are batched, by what they are. */
export function batched(outputs: Readonly<Record<string, TensorInfo>>, classes: number | undefined): Fit {
  const named = Object.entries(outputs).map(([role, { name }]) => [role, name] as const);
  return {
    roles: Object.fromEntries(named),
    outputs: named.map(([, name]) => ({ name, isBatched: true })),
    classes,
  };
}

/** The only output, where it has three dimensions. */
export function onlyMatrix(outputs: readonly TensorInfo[]): TensorInfo | undefined {
  const [only] = outputs;
  return only !== undefined && outputs.length === 1 && only.shape.length === 3 ? only : undefined;
}
