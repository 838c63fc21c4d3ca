import type { EngineInfo } from '../../inference/runner.js';
import type { Task } from '../../tasks/task.js';
import { taskFor, taskNamed } from '../../tasks/tasks.js';
import type { TensorInfo } from '../../tensor.js';
import { contradiction, type Findings, findings, nested, together } from './findings.js';
import { objectOf, textOf } from './json-values.js';
import type { OnnxMetadata } from './onnx-metadata.js';
import { IMAGENET, USUAL_INPUTS } from './usual-inputs.js';

const FILE = 'shapes in the file';
/** Of ImageNet, and with a class for background. */
const IMAGENET_CLASSES: ReadonlySet<number> = new Set([1000, 1001]);
/** Share of a resized image that torchvision keeps: 224 of 256 pixels. */
const TORCHVISION_CROP = 0.875;
/** Anchors of UltraFace for 320 x 240 and for 640 x 480 pixels. */
const ULTRAFACE_ANCHORS: ReadonlySet<number> = new Set([4420, 17_640]);
/** Operations that turn values into scores. */
const ACTIVATIONS: ReadonlyMap<string, string> = new Map([
  ['Softmax', 'softmax'],
  ['Sigmoid', 'sigmoid'],
]);

/** A file, and what others have said of it. */
export interface BareFile {
  readonly known: Findings['fields'];
  readonly engine: Pick<EngineInfo, 'inputs' | 'outputs'>;
  readonly metadata: OnnxMetadata;
}

/**
 * What inputs and outputs tell of a model where nothing else does, and what is assumed of it, with a warning for each
 * assumption. Throws MODEL_INCOMPATIBLE where they contradict what is known.
 */
export function bare(file: BareFile): Findings {
  const task = taskOf(file);
  const said = findings(FILE, { task: task.name });
  const spec = objectOf(task.resolve(nested(file.known)['output'] ?? {}, file.engine.outputs)) ?? {};
  const decoder = textOf(spec['decoder']);
  if (decoder !== undefined) return together([said, ofDecoder(file, decoder)]);
  if (task.name === 'classification') return together([said, ofClassifier(file, task, spec)]);
  return together([said, unlabelled(file, task, spec), unnormalised(file)]);
}

function taskOf({ known, engine }: BareFile): Task {
  const name = known.get('task')?.value;
  return (typeof name === 'string' && taskNamed(name)) || taskFor(engine.outputs);
}

/** Its makers prepare images in one way, as a rule. */
function ofDecoder(file: BareFile, decoder: string): Findings {
  const { known, engine } = file;
  const usual = USUAL_INPUTS[decoder];
  const labels = isUltraFace(decoder, engine.outputs) ? ['face'] : undefined;
  const said = findings(FILE, { 'output.decoder': decoder, 'output.labels': labels });
  if (usual === undefined || saysInput(known)) return said;
  const { models, fields } = usual;
  const warning = `nothing says how images are prepared: they are as for ${models} (${listed(fields)}), whose outputs look like these; say input in a model.json where that is wrong`;
  return together([
    said,
    findings(`usual for ${models}`, fields, [warning]),
    unlabelledObjects(file, fields, labels),
  ]);
}

function unlabelledObjects(
  { known }: BareFile,
  fields: Readonly<Record<string, unknown>>,
  labels: readonly string[] | undefined,
): Findings {
  const isLabelled = known.has('output.labels') || 'output.labels' in fields || labels !== undefined;
  return findings('', {}, isLabelled ? [] : [NO_LABELS]);
}

const NO_LABELS =
  'nothing says what the classes are called: LABEL_0, LABEL_1, ...; say output.labels in a model.json';

function isUltraFace(decoder: string, outputs: readonly TensorInfo[]): boolean {
  const [first] = outputs;
  return decoder === 'ssd-corners' && ULTRAFACE_ANCHORS.has(first?.shape[1] ?? -1);
}

function ofClassifier(file: BareFile, task: Task, spec: Readonly<Record<string, unknown>>): Findings {
  const classes = task.labels(spec).length;
  const isColour = channelsOf(file) !== 1;
  return together([
    activationOf(file, String(spec['outputName'])),
    unlabelled(file, task, spec),
    isColour && IMAGENET_CLASSES.has(classes) && !saysInput(file.known)
      ? asTorchvision(file, classes)
      : unnormalised(file),
  ]);
}

/** What the graph ends in is not done twice. */
function activationOf({ known, metadata }: BareFile, output: string): Findings {
  const operation = metadata.lastOperations.get(output);
  const done = operation === undefined ? undefined : ACTIVATIONS.get(operation);
  const said = known.get('output.activation');
  if (said !== undefined) {
    if (done !== undefined && said.value === done)
      contradiction(
        `${said.origin} says that scores become ${done}, but the file ends in ${operation} already; say output.activation none in a model.json`,
      );
    return findings(FILE, {});
  }
  if (done !== undefined)
    return findings(`${operation} at the end of the file`, { 'output.activation': 'none' });
  return findings(`${operation ?? 'no activation'} at the end of the file`, {
    'output.activation': 'softmax',
  });
}

/** Most models of 1000 classes are trained so. */
function asTorchvision(file: BareFile, classes: number): Findings {
  const [height = -1, width = -1] = sizeOf(file);
  const size = Math.max(height, width);
  const warning = `nothing says how images are prepared: they are as torchvision prepares them for models of ${classes} classes (cover from ${Math.round(size / TORCHVISION_CROP)} pixels, bilinear, ImageNet's mean and std); say input in a model.json where that is wrong`;
  return findings(
    `usual for ${classes} classes`,
    {
      ...IMAGENET,
      'input.resize.rule': 'cover',
      'input.resize.filter': 'bilinear',
      'input.resize.shortest_edge': size > 0 ? Math.round(size / TORCHVISION_CROP) : undefined,
    },
    [warning],
  );
}

function unnormalised({ known, engine }: BareFile): Findings {
  if (saysInput(known) || engine.inputs.some(({ type }) => type === 'uint8')) return findings('', {});
  return findings('default', {}, [
    'nothing says how images are prepared: they are stretched to the size of the input, pixels are 0 to 1 (input.scale 1/255, input.mean 0, input.std 1); say input.resize, input.mean and input.std in a model.json where that is wrong',
  ]);
}

function unlabelled({ known }: BareFile, task: Task, spec: unknown): Findings {
  const needsNone = known.has('output.labels') || task.labels(spec).length === 0;
  return findings('', {}, needsNone ? [] : [NO_LABELS]);
}

/** Whether anyone has said how pixels become values, or how images are resized. */
function saysInput(known: Findings['fields']): boolean {
  return ['input.scale', 'input.mean', 'input.resize.rule'].some((path) => known.has(path));
}

function channelsOf({ engine }: BareFile): number | undefined {
  const shape = engine.inputs[0]?.shape.slice(-3) ?? [];
  return shape.find((size) => size === 1 || size === 3);
}

/** Height and width of the input. */
function sizeOf({ engine }: BareFile): readonly number[] {
  const shape = engine.inputs[0]?.shape.slice(-3) ?? [];
  return shape[2] === 3 || shape[2] === 1 ? shape : shape.slice(1);
}

function listed(fields: Readonly<Record<string, unknown>>): string {
  const shown = Object.entries(fields).map(
    ([path, value]) => `${path.replace(/^input\./, '')} ${shownShort(value)}`,
  );
  return shown.join(', ');
}

function shownShort(value: unknown): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(6)));
  return Array.isArray(value) ? value.join(' ') : String(value);
}
