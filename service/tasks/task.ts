import type { TObject } from 'typebox';
import type { Drawing } from '../drawing/shapes.js';
import type { CoordinateMap } from '../preprocess/geometry.js';
import type { Tensor, TensorInfo } from '../tensor.js';
import type { Claim } from './claim.js';

/** Which of the model's outputs a task reads. */
export interface WantedOutput {
  readonly name: string;
  /** Whether its first dimension is the batch. Where it is not, images run one by one. */
  readonly isBatched: boolean;
}

/** Where an image lay in the input tensor. */
export interface Geometry {
  /** Size of the image as a person sees it, pixels. */
  readonly width: number;
  readonly height: number;
  /** Size of the tensor, pixels. */
  readonly tensor: { readonly width: number; readonly height: number };
  /** From pixels of the tensor to pixels of the image: undoes letterbox and crop. */
  readonly toImage: CoordinateMap;
}

/** What a task is given for one image: its outputs by name, without the batch dimension. */
export type Outputs = ReadonlyMap<string, Tensor>;

/** What metrics show of an answer. */
export interface Observation {
  readonly labels: readonly string[];
  /** 0..1, one for each label. */
  readonly scores: readonly number[];
}

/** Of an answer without labels. */
export const NOTHING_OBSERVED: Observation = { labels: [], scores: [] };

/** One golden image of a manifest: the file, and what the task says it is to be answered with. */
export interface Golden {
  readonly file: string;
}

/** What a request may ask of a task; what it leaves out is as the model says. */
export type Parameters = Readonly<Record<string, unknown>>;
/** The fields that a task adds to a result: plain data, small enough to cross threads. */
export type Answer = Readonly<Record<string, unknown>>;

/**
 * What a model is for: everything that depends on the meaning of its outputs. Nothing outside this folder knows a task
 * by name. A spec is plain data, made once when the model is loaded, and crosses to the threads that interpret.
 */
export interface Task<
  Manifest extends object = object,
  Spec = unknown,
  Asked extends Parameters = Parameters,
  Given extends Answer = Answer,
  Expected extends Golden = Golden,
> {
  readonly name: string;
  /** Its part of model.json: the schema of `output`. */
  readonly manifestSchema: TObject;
  /** What an entry of `golden` has, beside `file`. */
  readonly goldenSchema: TObject;
  /** Whether a model with these outputs, of which nothing else is known, is one of its own. */
  recognises(outputs: readonly TensorInfo[]): boolean;
  /** Brings the manifest's part and the file together. Throws MODEL_INCOMPATIBLE where they contradict each other. */
  resolve(manifest: Manifest, outputs: readonly TensorInfo[]): Spec;
  /** A spec as the manifest's part that leaves nothing open: it resolves to the same. */
  describe(spec: Spec): Manifest;
  outputs(spec: Spec): readonly WantedOutput[];
  /** Of the query of a request. */
  parameterSchema(spec: Spec): TObject;
  /** Of the fields that it adds to a result. */
  answerSchema(spec: Spec): TObject;
  /** Labels by class id; none where it has no classes. */
  labels(spec: Spec): readonly string[];
  /**
   * One image's outputs to its answer; runs in an inference thread.
   * Throws INFERENCE_FAILED where they are no answer, with what was found as its cause.
   */
  interpret(outputs: Outputs, geometry: Geometry, asked: Asked, spec: Spec): Given;
  /** How undecided an answer is, 0..1; runs in an inference thread. Absent, or undefined, where classes do not exclude each other. */
  entropy?(outputs: Outputs, spec: Spec): number | undefined;
  /** What to ask so that the answer can be compared with a golden one. */
  goldenParameters(expected: Expected): Asked;
  /** What is wrong with the answer to a golden image, or undefined. */
  differs(expected: Expected, given: Given): string | undefined;
  observe(given: Given): Observation;
  /**
   * What somebody would have to say of the image for the answer to be right; undefined where it claims nothing. Absent
   * where no label or box could say that.
   */
  claim?(given: Given): Claim | undefined;
  /** Names of points that have a line between them; absent where there are no points. */
  skeleton?(spec: Spec): readonly (readonly [from: string, to: string])[];
  /** What a picture shows of an answer, in pixels of the image; absent where there is nothing to see. */
  draw?(given: Given, asked: Asked): Drawing;
}
