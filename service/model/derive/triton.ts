import { join } from 'node:path';
import { contradiction, type Findings, findings } from './findings.js';
import { filesIn, namesIn } from './folder.js';
import { type FoundModel, folderName, type Layout, readIfThere, type Surroundings } from './surroundings.js';
import { parseTextFormat, type TextMessage } from './text-format.js';

const FILE = 'config.pbtxt';
const DEFAULT_FILE = 'model.onnx';
/** Those that do not begin with 0; others Triton leaves alone. */
const VERSION = /^[1-9]\d{0,17}$/;
const PLAIN_NAME = /^\w[\w.-]*$/;
/** Where folders cannot be listed, versions are asked for one by one. */
const MAX_PROBES = 20;

/**
 * A model of Triton's repository: `config.pbtxt`, labels, and a folder for each version, of which the latest is served.
 * Source: triton-inference-server/server, `docs/user_guide/model_repository.md` and `model_configuration.md`.
 */
export const triton: Layout = {
  async find(surroundings, named) {
    const isInVersion = VERSION.test(folderName(surroundings) ?? '');
    const root = named !== undefined && isInVersion ? '../' : '';
    const text = await readIfThere(surroundings, `${root}${FILE}`);
    if (text === undefined && (named !== undefined || !(await hasVersions(surroundings)))) return undefined;
    const config = configOf(text);
    const found = named === undefined ? await latest(surroundings, config) : undefined;
    const modelName = named ?? found?.modelName;
    if (modelName === undefined) return undefined;
    const version = found?.version ?? (isInVersion ? folderName(surroundings) : undefined);
    const labels = await readLabels(surroundings, root, config);
    const folder = folderName(surroundings, root === '' ? 'itself' : 'above');
    return { modelName, findings: describeTriton(config, { folder, version, labels }) } satisfies FoundModel;
  },
};

interface Around {
  /** Name of the model's folder. */
  readonly folder: string | undefined;
  readonly version: string | undefined;
  readonly labels: readonly string[] | undefined;
}

/** What config.pbtxt says. Throws MODEL_INCOMPATIBLE where it is not of an ONNX model of one image. */
export function describeTriton(config: TextMessage, { folder, version, labels }: Around): Findings {
  const platform = textIn(config, 'platform') ?? textIn(config, 'backend');
  if (platform !== undefined && !/^onnxruntime/.test(platform))
    contradiction(`${FILE} says platform ${platform}; served are models of onnxruntime`);
  return findings(FILE, {
    name: textIn(config, 'name') ?? folder,
    version,
    ...inputIn(config),
    'output.labels': labels,
  });
}

/** Triton leaves the batch out of dims where max_batch_size is not 0. */
function inputIn(config: TextMessage): Record<string, unknown> {
  const inputs = messagesIn(config, 'input');
  const [input] = inputs;
  if (input === undefined || inputs.length > 1) return {};
  const all = (input.get('dims') ?? []).map(Number);
  const dims = all.length === 4 ? all.slice(1) : all;
  const format = textIn(input, 'format');
  const isLast =
    format === 'FORMAT_NHWC' || (format !== 'FORMAT_NCHW' && isChannels(dims[2]) && !isChannels(dims[0]));
  const [height, width] = isLast ? dims : dims.slice(1);
  return {
    'input.name': textIn(input, 'name'),
    'input.layout': format === undefined || format === 'FORMAT_NONE' ? undefined : isLast ? 'NHWC' : 'NCHW',
    'input.width': fixed(width),
    'input.height': fixed(height),
  };
}

function isChannels(size: number | undefined): boolean {
  return size === 1 || size === 3;
}

function fixed(size: number | undefined): number | undefined {
  return size !== undefined && size > 0 ? size : undefined;
}

function configOf(text: string | undefined): TextMessage {
  const config = text === undefined ? new Map() : parseTextFormat(text);
  return config ?? contradiction(`${FILE} is not protobuf text; correct or remove it`);
}

async function latest(
  surroundings: Surroundings,
  config: TextMessage,
): Promise<{ readonly modelName: string; readonly version: string } | undefined> {
  const file = textIn(config, 'default_model_filename') ?? DEFAULT_FILE;
  if (!PLAIN_NAME.test(file))
    contradiction(`${FILE} has default_model_filename ${file}, which is no plain name`);
  const { localDirectory } = surroundings.source;
  const versions =
    localDirectory === undefined
      ? await probed(surroundings, file)
      : (await namesIn(localDirectory)).filter((name) => VERSION.test(name));
  const version = wanted(versions, config);
  if (version === undefined) return undefined;
  const isFolder =
    localDirectory !== undefined && (await filesIn(join(localDirectory, version), file)).length > 0;
  return { version, modelName: isFolder ? `${version}/${file}/${DEFAULT_FILE}` : `${version}/${file}` };
}

/** The latest of those that version_policy leaves. */
function wanted(versions: readonly string[], config: TextMessage): string | undefined {
  const [policy] = messagesIn(config, 'version_policy');
  const [specific] = policy === undefined ? [] : messagesIn(policy, 'specific');
  const chosen = specific?.get('versions');
  const allowed = versions.filter((version) => chosen === undefined || chosen.includes(version));
  return allowed.toSorted((one, other) => Number(BigInt(other) - BigInt(one)))[0];
}

async function probed(surroundings: Surroundings, file: string): Promise<string[]> {
  const found: string[] = [];
  for (let version = 1; version <= MAX_PROBES; version++) {
    if (!(await surroundings.exists(`${version}/${file}`))) break;
    found.push(String(version));
  }
  return found;
}

/** Folders of versions tell a model of Triton's without a configuration, which it does not need. */
async function hasVersions({ source }: Surroundings): Promise<boolean> {
  const { localDirectory } = source;
  if (localDirectory === undefined) return false;
  const versions = (await namesIn(localDirectory)).filter((name) => VERSION.test(name));
  const files = await Promise.all(versions.map((version) => namesIn(join(localDirectory, version))));
  return files.some((names) => names.includes(DEFAULT_FILE));
}

/** One a line. */
async function readLabels(
  surroundings: Surroundings,
  root: string,
  config: TextMessage,
): Promise<readonly string[] | undefined> {
  const file = messagesIn(config, 'output')
    .map((output) => textIn(output, 'label_filename'))
    .find(Boolean);
  if (file === undefined) return undefined;
  if (!/^[\w.-]+$/.test(file))
    contradiction(`${FILE} has label_filename ${file}, which is no file beside it`);
  const text = await readIfThere(surroundings, `${root}${file}`);
  if (text === undefined) return contradiction(`${FILE} names the labels in ${file}, which is not there`);
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}

function messagesIn(message: TextMessage, name: string): TextMessage[] {
  return (message.get(name) ?? []).filter((value) => typeof value !== 'string');
}

function textIn(message: TextMessage, name: string): string | undefined {
  const value = message.get(name)?.[0];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
