import { ServiceError } from '../errors.js';
import type { EngineInfo, TensorInfo, TensorPlan } from '../inference/runner.js';
import type { InputSpec } from '../preprocess/image.js';
import type { Manifest, ResizeSpec } from './manifest.js';

export interface ClassificationSpec {
  readonly outputName: string;
  readonly activation: 'softmax' | 'sigmoid' | 'none';
  /** By class id. */
  readonly labels: readonly string[];
  readonly topK: number;
  readonly threshold: number;
}

/** A model with nothing left open: manifest and file brought together. */
export interface ModelSpec {
  readonly name: string;
  readonly version: string;
  /** `sha256:` and 64 hex digits. */
  readonly digest: string;
  readonly task: 'classification';
  readonly plan: TensorPlan;
  readonly classification: ClassificationSpec;
}

const ELEMENT_TYPES = ['float32', 'float16', 'uint8'] as const;

/** Fills in from the file what the manifest leaves out. Throws MODEL_INCOMPATIBLE where the two contradict each other. */
export function resolveModelSpec(manifest: Manifest, digest: string, engine: EngineInfo): ModelSpec {
  const { name, version, task } = manifest;
  const plan = resolvePlan(manifest, engine);
  const output = pickOutput(engine.outputs, manifest.output?.name);
  return {
    name,
    version,
    digest,
    task,
    plan: { ...plan, outputNames: [output.name] },
    classification: resolveClassification(manifest, output),
  };
}

function resolvePlan(manifest: Manifest, engine: EngineInfo): Omit<TensorPlan, 'outputNames'> {
  const tensor = pickInput(engine.inputs, manifest.input?.name);
  const shape = tensor.shape;
  if (shape.length !== 4) refuse(`input ${tensor.name} has ${shape.length} dimensions, an image batch has 4`);
  const batch = shape[0] ?? -1;
  return {
    inputName: tensor.name,
    fixedBatch: batch > 0 ? batch : undefined,
    input: resolveInput(manifest, tensor),
  };
}

function pickInput(inputs: readonly TensorInfo[], name: string | undefined): TensorInfo {
  const [only] = inputs;
  if (name !== undefined) return named(inputs, name, 'input');
  if (only !== undefined && inputs.length === 1) return only;
  return refuse(
    `the file has ${inputs.length} inputs (${inputs.map(({ name }) => name).join(', ')}) and the manifest does not say which to use`,
  );
}

function pickOutput(outputs: readonly TensorInfo[], name: string | undefined): TensorInfo {
  const candidates = name === undefined ? outputs : [named(outputs, name, 'output')];
  const found = candidates.find(areScores);
  if (found !== undefined) return found;
  const shapes = candidates.map((output) => `${output.name} [${output.shape.join(', ')}]`);
  return refuse(`scores of classes have the shape [N, classes], the file has ${shapes.join(', ')}`);
}

function named(tensors: readonly TensorInfo[], name: string, kind: string): TensorInfo {
  const found = tensors.find((tensor) => tensor.name === name);
  if (found !== undefined) return found;
  return refuse(
    `the manifest names ${kind} ${name}, the file has ${tensors.map((tensor) => tensor.name).join(', ')}`,
  );
}

function resolveInput(manifest: Manifest, tensor: TensorInfo): InputSpec {
  const given = manifest.input ?? {};
  const layout = given.layout ?? deriveLayout(tensor);
  const [channelAxis, heightAxis, widthAxis] =
    layout === 'NCHW' ? ([1, 2, 3] as const) : ([3, 1, 2] as const);
  const width = dimension('width', given.width, tensor, widthAxis);
  const height = dimension('height', given.height, tensor, heightAxis);
  const channels = given.channels ?? (tensor.shape[channelAxis] === 1 ? 'grey' : 'rgb');
  const depth = dimension('channels', channels === 'grey' ? 1 : 3, tensor, channelAxis);
  const type = elementType(given.type, tensor);
  return {
    layout,
    type,
    width,
    height,
    channels,
    resize: resolveResize(given.resize, width, height, depth),
    scale: given.scale ?? (type === 'uint8' ? 1 : 1 / 255),
    mean: perChannel('mean', given.mean ?? [0], depth),
    std: perChannel('std', given.std ?? [1], depth),
  };
}

/** Channels last where only the last dimension can be channels. */
function deriveLayout(tensor: TensorInfo): 'NCHW' | 'NHWC' {
  const canBeChannels = (size: number | undefined): boolean => size === 1 || size === 3;
  return canBeChannels(tensor.shape[3]) && !canBeChannels(tensor.shape[1]) ? 'NHWC' : 'NCHW';
}

function dimension(what: string, given: number | undefined, tensor: TensorInfo, axis: number): number {
  const declared = tensor.shape[axis] ?? -1;
  if (given === undefined && declared <= 0) {
    return refuse(`the ${what} of input ${tensor.name} is dynamic, so the manifest must say input.${what}`);
  }
  if (given !== undefined && declared > 0 && given !== declared) {
    return refuse(`the manifest says ${what} ${given}, input ${tensor.name} of the file has ${declared}`);
  }
  return given ?? declared;
}

function elementType(given: InputSpec['type'] | undefined, tensor: TensorInfo): InputSpec['type'] {
  const declared = ELEMENT_TYPES.find((type) => type === tensor.type);
  if (declared === undefined) {
    return refuse(
      `input ${tensor.name} has element type ${tensor.type}; supported are ${ELEMENT_TYPES.join(', ')}`,
    );
  }
  if (given !== undefined && given !== declared) {
    return refuse(
      `the manifest says element type ${given}, input ${tensor.name} of the file has ${declared}`,
    );
  }
  return declared;
}

function resolveResize(
  given: ResizeSpec | undefined,
  width: number,
  height: number,
  depth: number,
): InputSpec['resize'] {
  return {
    rule: given?.rule ?? 'stretch',
    filter: given?.filter ?? 'bilinear',
    shortestEdge: given?.shortest_edge ?? Math.max(width, height),
    padValue: perChannel('resize.pad_value', given?.pad_value ?? [0], depth),
    position: given?.position ?? 'center',
  };
}

function perChannel(what: string, values: readonly number[], depth: number): number[] {
  const [first] = values;
  if (values.length === 1 && first !== undefined) return Array.from({ length: depth }, () => first);
  if (values.length === depth) return [...values];
  return refuse(`input.${what} has ${values.length} values for ${depth} channels`);
}

function resolveClassification(manifest: Manifest, output: TensorInfo): ClassificationSpec {
  const given = manifest.output ?? {};
  const classes = countClasses(output);
  if (given.labels !== undefined && classes > 0 && given.labels.length !== classes) {
    refuse(
      `the manifest has ${given.labels.length} labels, output ${output.name} of the file has ${classes} classes`,
    );
  }
  if (given.labels === undefined && classes <= 0) {
    refuse(
      `the number of classes of output ${output.name} is dynamic, so the manifest must give output.labels`,
    );
  }
  return {
    outputName: output.name,
    activation: given.activation ?? 'softmax',
    labels: given.labels ?? Array.from({ length: classes }, (_, id) => `LABEL_${id}`),
    topK: given.top_k ?? 5,
    threshold: given.threshold ?? Number.NEGATIVE_INFINITY,
  };
}

/** Whether it is [N, classes], or that with dimensions of 1 around. */
function areScores({ shape }: TensorInfo): boolean {
  const [, ...rest] = shape;
  return rest.length > 0 && rest.filter((size) => size !== 1).length <= 1;
}

/** Of scores; -1 where the file leaves the number open. */
function countClasses({ shape }: TensorInfo): number {
  return shape.slice(1).find((size) => size !== 1) ?? 1;
}

function refuse(detail: string): never {
  throw new ServiceError('MODEL_INCOMPATIBLE', `Manifest and model do not fit: ${detail}.`);
}
