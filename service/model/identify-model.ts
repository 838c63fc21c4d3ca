import { ServiceError } from '../errors.js';
import { LAYOUTS } from './derive/derive.js';
import { type Findings, NOTHING_FOUND } from './derive/findings.js';
import { filesIn, onlyOne } from './derive/folder.js';
import { readOnnxMetadata } from './derive/onnx-metadata.js';
import type { FoundModel, Surroundings } from './derive/surroundings.js';
import { type Manifest, parseManifest } from './manifest.js';
import { checkObjectName } from './object-name.js';
import { isAbsence, SourceFailure } from './sources/source-failure.js';

/** What a URI turned out to name. */
export interface IdentifiedModel {
  /** Of the ONNX file, relative to the source's folder. */
  readonly modelName: string;
  /** Of the files with weights that it does not hold itself, relative to its own folder, by which it names them. */
  readonly externalData: readonly string[];
  /** Undefined: the model came without one. */
  readonly manifest: Manifest | undefined;
  /** The manifest as it was read; empty without one. */
  readonly manifestText: string;
  /** What else lies around it says, where there is no manifest. */
  readonly findings: Findings;
  /** False when the name is the usual one and nobody has vouched for it. */
  readonly isNamed: boolean;
}

const MANIFEST_NAME = 'model.json';
const MODEL_NAME = 'model.onnx';
/** More parts than that no exporter writes. */
const MAX_EXTERNAL_PARTS = 100;

async function withoutManifest(
  { modelName, findings }: FoundModel,
  isNamed: boolean,
  surroundings: Surroundings,
): Promise<IdentifiedModel> {
  checkObjectName(modelName, surroundings.source.description);
  const externalData = await externalDataOf(modelName, surroundings);
  return { modelName, externalData, manifest: undefined, manifestText: '', findings, isNamed };
}

/** What the file names, where it is here; else what exporters call such files. */
async function externalDataOf(modelName: string, surroundings: Surroundings): Promise<readonly string[]> {
  const { source } = surroundings;
  if (source.localDirectory === undefined) return probedExternalData(modelName, surroundings);
  const { externalData } = await readOnnxMetadata(source.locate(modelName)).catch(() => ({
    externalData: [],
  }));
  for (const name of externalData) checkObjectName(name, source.locate(modelName));
  return externalData;
}

/** `model.onnx_data`, and then `model.onnx_data_1` and so on, as Hugging Face names them; `model.onnx.data`, as PyTorch does. */
async function probedExternalData(modelName: string, { exists }: Surroundings): Promise<string[]> {
  const folder = modelName.replace(/[^/]*$/, '');
  const file = modelName.slice(folder.length);
  if (await exists(`${folder}${file}.data`)) return [`${file}.data`];
  const found: string[] = [];
  for (let part = 0; part < MAX_EXTERNAL_PARTS; part++) {
    const name = part === 0 ? `${file}_data` : `${file}_data_${part}`;
    if (!(await exists(folder + name))) break;
    found.push(name);
  }
  return found;
}

/** The model that a manifest describes. Throws MODEL_INCOMPATIBLE when it is wrong or points outside its folder. */
function fromManifest(manifestText: string, origin: string): IdentifiedModel {
  const manifest = parseManifest(manifestText, origin);
  const externalData = manifest.external_data ?? [];
  for (const name of [manifest.file, ...externalData, ...goldenNames(manifest)])
    checkObjectName(name, origin);
  // In the cache the ONNX file has this name, whatever it was before.
  if (externalData.some((name) => name.split('/')[0] === MODEL_NAME)) {
    throw new ServiceError(
      'MODEL_INCOMPATIBLE',
      `${origin} names ${MODEL_NAME} as external data; rename that`,
    );
  }
  if (new Set(externalData).size < externalData.length) {
    throw new ServiceError('MODEL_INCOMPATIBLE', `${origin} names a file of external_data twice`);
  }
  const findings = NOTHING_FOUND;
  return { modelName: manifest.file, externalData, manifest, manifestText, findings, isNamed: true };
}

export function goldenNames(manifest: Manifest | undefined): string[] {
  return [...new Set(manifest?.golden?.map(({ file }) => file))];
}

/**
 * The manifest beside the entry, or undefined. Denied counts as absent, since S3 denies what is missing to
 * those who may not list; the warning is for those who really are denied.
 */
async function readOptionalManifest({ source, logger, read }: Surroundings): Promise<string | undefined> {
  try {
    return await read(MANIFEST_NAME);
  } catch (thrown) {
    if (!isAbsence(thrown)) throw thrown;
    const object = source.locate(MANIFEST_NAME);
    if (thrown.kind === 'denied') {
      logger.warn({ object, reason: thrown.message }, 'no access to a manifest; taking it as absent');
    }
    return undefined;
  }
}

function fileNamedBy(manifestText: string, origin: string): unknown {
  try {
    return Reflect.get(Object(JSON.parse(manifestText)), 'file');
  } catch (cause) {
    throw new ServiceError('MODEL_INCOMPATIBLE', `${origin} is not JSON; correct or remove it`, { cause });
  }
}

/** An ONNX file, with the manifest beside it when that speaks of this file: a folder may hold several models. */
async function identifyFile(modelName: string, surroundings: Surroundings): Promise<IdentifiedModel> {
  const manifestText = await readOptionalManifest(surroundings);
  if (manifestText !== undefined) {
    const origin = surroundings.source.locate(MANIFEST_NAME);
    if (fileNamedBy(manifestText, origin) === modelName) return fromManifest(manifestText, origin);
    surroundings.logger.warn({ object: origin }, `the manifest does not describe ${modelName}; ignoring it`);
  }
  const found = await foundAround(surroundings, modelName);
  return withoutManifest(found ?? { modelName, findings: NOTHING_FOUND }, true, surroundings);
}

async function foundAround(
  surroundings: Surroundings,
  named: string | undefined,
): Promise<FoundModel | undefined> {
  for (const layout of LAYOUTS) {
    const found = await layout.find(surroundings, named);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function identifyInFolder(surroundings: Surroundings): Promise<IdentifiedModel> {
  const { source } = surroundings;
  const manifestText = await readOptionalManifest(surroundings);
  if (manifestText !== undefined) return fromManifest(manifestText, source.locate(MANIFEST_NAME));
  const found = await foundAround(surroundings, undefined);
  if (found !== undefined) return withoutManifest(found, true, surroundings);
  const isHere = source.localDirectory !== undefined;
  const modelName = isHere ? await onlyModelIn(source.localDirectory) : MODEL_NAME;
  return withoutManifest({ modelName, findings: NOTHING_FOUND }, isHere, surroundings);
}

/** The only ONNX file of a local folder. */
async function onlyModelIn(directory: string): Promise<string> {
  const only = onlyOne(await filesIn(directory, ''), directory);
  if (only !== undefined) return only;
  throw new SourceFailure('missing', `${directory} holds neither ${MANIFEST_NAME} nor an .onnx file`);
}

/**
 * Finds out what the source's URI names: a manifest, an ONNX file, or a folder with either in it.
 * Rejects with MODEL_NOT_FOUND when it holds no model, MODEL_INCOMPATIBLE when its manifest is wrong.
 */
export async function identifyModel(surroundings: Surroundings): Promise<IdentifiedModel> {
  const { source, read } = surroundings;
  const { entry } = source;
  if (entry === undefined) return identifyInFolder(surroundings);
  if (/\.json$/i.test(entry)) return fromManifest(await read(entry), source.locate(entry));
  return identifyFile(entry, surroundings);
}

/** What can honestly be said of a model that came without a manifest before its file is opened: what identifies it. */
export function identityOf({ modelName, externalData, findings }: IdentifiedModel, digest: string): Manifest {
  const stem = modelName.replace(/^.*\//, '').replace(/\.[^.]*$/, '');
  const [kind, hex = kind] = digest.split(':') as [string, string?];
  return {
    schema_version: 1,
    name: asName(findings.fields.get('name')?.value) ?? asName(stem) ?? 'model',
    version: asName(findings.fields.get('version')?.value) ?? hex.slice(0, 12),
    file: modelName,
    ...(externalData.length > 0 && { external_data: [...externalData] }),
    sha256: kind === 'sha256' ? hex : digest,
  };
}

/** With the characters that names and versions have in a manifest; undefined where nothing is left of it. */
function asName(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const name = value.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return name === '' ? undefined : name.slice(0, 100);
}
