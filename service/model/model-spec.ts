import type { EngineInfo, RunPlan } from '../inference/runner.js';
import type { InputSpec } from '../preprocess/image.js';
import { misfit, named } from '../tasks/faults.js';
import type { Task, WantedOutput } from '../tasks/task.js';
import { taskFor, taskNamed } from '../tasks/tasks.js';
import type { TensorInfo } from '../tensor.js';
import type { Manifest, ResizeSpec } from './manifest.js';
import { type ResolvedManifest, resolvedManifest } from './resolved-manifest.js';

/** A model with nothing left open: manifest and file brought together. */
export interface ModelSpec {
  readonly name: string;
  readonly version: string;
  /** `sha256:` and 64 hex digits. */
  readonly digest: string;
  readonly task: Task;
  readonly plan: RunPlan;
  readonly manifest: ResolvedManifest;
}

const ELEMENT_TYPES = ['float32', 'float16', 'uint8'] as const;

/** Fills in from the file what the manifest leaves out. Throws MODEL_INCOMPATIBLE where the two contradict each other. */
export function resolveModelSpec(manifest: Manifest, digest: string, engine: EngineInfo): ModelSpec {
  const { name, version } = manifest;
  const task = taskOf(manifest, engine);
  const spec = task.resolve(manifest.output ?? {}, engine.outputs);
  const { declared, mask } = pickInput(engine.inputs, manifest.input?.name);
  const tensor = withBatch(declared);
  const outputs = task.outputs(spec);
  const input = resolveInput(manifest, tensor);
  const plan: RunPlan = {
    inputName: tensor.name,
    mask,
    input,
    hasBatch: tensor === declared,
    fixedBatch: input.resize.rule === 'fit' ? 1 : fixedBatch(tensor, outputs),
    outputs,
    task: { name: task.name, spec },
  };
  const resolved = { name, version, digest, task, plan };
  return { ...resolved, manifest: resolvedManifest(manifest, resolved) };
}

function taskOf(manifest: Manifest, engine: EngineInfo): Task {
  const said = manifest.task === undefined ? undefined : taskNamed(manifest.task);
  return said ?? taskFor(engine.outputs);
}

/** Outputs that are not split by images belong to one image. */
function fixedBatch({ name, shape }: TensorInfo, outputs: readonly WantedOutput[]): number | undefined {
  if (shape.length !== 4) misfit(`input ${name} has ${shape.length} dimensions, an image batch has 4`);
  const [batch = -1] = shape;
  const whole = outputs.find(({ isBatched }) => !isBatched);
  if (whole === undefined) return batch > 0 ? batch : undefined;
  if (batch > 1) misfit(`output ${whole.name} does not tell the ${batch} images of a batch apart`);
  return 1;
}

/** torchvision's detectors take one image, without a batch around it. */
function withBatch(tensor: TensorInfo): TensorInfo {
  return tensor.shape.length === 3 ? { ...tensor, shape: [1, ...tensor.shape] } : tensor;
}

function pickInput(
  inputs: readonly TensorInfo[],
  name: string | undefined,
): { readonly declared: TensorInfo; readonly mask: RunPlan['mask'] } {
  const mask = inputs.find(isMask);
  const [only, ...others] = inputs.filter((input) => input !== mask);
  const declared = name === undefined ? only : named(inputs, name, 'input');
  const unfed = inputs.filter((input) => input !== declared && input !== mask);
  if (declared !== undefined && unfed.length === 0) return { declared, mask: mask && sizeOfMask(mask) };
  if (name === undefined && others.length > 0) {
    return misfit(
      `the file has ${inputs.length} inputs (${inputs.map((input) => input.name).join(', ')}) and the manifest does not say which to use`,
    );
  }
  return misfit(
    `beside ${declared?.name ?? 'an image'} the file wants ${unfed.map((input) => input.name).join(', ')}; served are models that need an image alone`,
  );
}

/** Where DETR is told which pixels are of the image: all of them, where images run one by one or have one size. */
function isMask({ name, type, shape }: TensorInfo): boolean {
  return name === 'pixel_mask' && type === 'int64' && shape.length === 3;
}

/** As far as the file fixes it; otherwise it has the size of the image. */
function sizeOfMask({ name, shape }: TensorInfo): NonNullable<RunPlan['mask']> {
  const [, height = -1, width = -1] = shape;
  return { name, ...(height > 0 && width > 0 && { height, width }) };
}

function resolveInput(manifest: Manifest, tensor: TensorInfo): InputSpec {
  const given = manifest.input ?? {};
  const layout = given.layout ?? deriveLayout(tensor);
  const [channelAxis, heightAxis, widthAxis] =
    layout === 'NCHW' ? ([1, 2, 3] as const) : ([3, 1, 2] as const);
  const usual =
    given.resize?.rule === 'fit' ? usualFit(given.resize, tensor, [heightAxis, widthAxis]) : given;
  const width = dimension('width', usual.width, tensor, widthAxis);
  const height = dimension('height', usual.height, tensor, heightAxis);
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
    accuracy: given.accuracy ?? 'exact',
    scale: given.scale ?? (type === 'uint8' ? 1 : 1 / 255),
    mean: perChannel('mean', given.mean ?? [0], depth),
    std: perChannel('std', given.std ?? [1], depth),
  };
}

/** Of a photograph of 4:3. */
function usualFit(
  { shortest_edge: shortest, longest_edge: longest }: ResizeSpec,
  { name, shape }: TensorInfo,
  axes: readonly number[],
): { readonly width: number; readonly height: number } {
  if (axes.some((axis) => (shape[axis] ?? -1) > 0)) {
    misfit(`input.resize.rule fit needs a dynamic width and height, input ${name} has [${shape.join(', ')}]`);
  }
  if (shortest === undefined || longest === undefined)
    return misfit('input.resize.rule fit needs input.resize.shortest_edge and longest_edge');
  return { width: Math.min(longest, Math.trunc((shortest * 4) / 3)), height: Math.min(longest, shortest) };
}

/** Channels last where only the last dimension can be channels. */
function deriveLayout(tensor: TensorInfo): 'NCHW' | 'NHWC' {
  const canBeChannels = (size: number | undefined): boolean => size === 1 || size === 3;
  return canBeChannels(tensor.shape[3]) && !canBeChannels(tensor.shape[1]) ? 'NHWC' : 'NCHW';
}

function dimension(what: string, given: number | undefined, tensor: TensorInfo, axis: number): number {
  const declared = tensor.shape[axis] ?? -1;
  if (given === undefined && declared <= 0) {
    return misfit(`the ${what} of input ${tensor.name} is dynamic, so the manifest must say input.${what}`);
  }
  if (given !== undefined && declared > 0 && given !== declared) {
    return misfit(`the manifest says ${what} ${given}, input ${tensor.name} of the file has ${declared}`);
  }
  return given ?? declared;
}

function elementType(given: InputSpec['type'] | undefined, tensor: TensorInfo): InputSpec['type'] {
  const declared = ELEMENT_TYPES.find((type) => type === tensor.type);
  if (declared === undefined) {
    return misfit(
      `input ${tensor.name} has element type ${tensor.type}; supported are ${ELEMENT_TYPES.join(', ')}`,
    );
  }
  if (given !== undefined && given !== declared) {
    return misfit(
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
    ...(given?.longest_edge !== undefined && { longestEdge: given.longest_edge }),
    ...(given?.multiple_of !== undefined && { multipleOf: given.multiple_of }),
    ...(given?.stretch_to !== undefined && { stretchTo: given.stretch_to }),
  };
}

function perChannel(what: string, values: readonly number[], depth: number): number[] {
  const [first] = values;
  if (values.length === 1 && first !== undefined) return Array.from({ length: depth }, () => first);
  if (values.length === depth) return [...values];
  return misfit(`input.${what} has ${values.length} values for ${depth} channels`);
}
