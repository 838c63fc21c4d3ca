import { readdir } from 'node:fs/promises';
import { ServiceError } from '../errors.js';
import { type Manifest, parseManifest } from './manifest.js';
import { checkObjectName } from './object-name.js';
import type { FetchLogger } from './progress.js';
import type { ModelSource } from './sources/source.js';
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
  /** False when the name is the usual one and nobody has vouched for it. */
  readonly isNamed: boolean;
}

export interface Surroundings {
  readonly source: ModelSource;
  readonly logger: FetchLogger;
  /** Reads a small object whole. */
  read(name: string): Promise<string>;
}

const MANIFEST_NAME = 'model.json';
const MODEL_NAME = 'model.onnx';

function withoutManifest(modelName: string, isNamed: boolean): IdentifiedModel {
  return { modelName, externalData: [], manifest: undefined, manifestText: '', isNamed };
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
  return { modelName: manifest.file, externalData, manifest, manifestText, isNamed: true };
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
  if (manifestText === undefined) return withoutManifest(modelName, true);
  const origin = surroundings.source.locate(MANIFEST_NAME);
  if (fileNamedBy(manifestText, origin) === modelName) return fromManifest(manifestText, origin);
  surroundings.logger.warn({ object: origin }, `the manifest does not describe ${modelName}; ignoring it`);
  return withoutManifest(modelName, true);
}

/** The only ONNX file of a local folder. */
async function onlyModelIn(directory: string): Promise<string> {
  const names = (await readdir(directory)).filter((name) => /\.onnx$/i.test(name)).sort();
  const [only] = names;
  if (only === undefined) {
    throw new SourceFailure('missing', `${directory} holds neither ${MANIFEST_NAME} nor an .onnx file`);
  }
  if (names.length === 1) return only;
  throw new ServiceError(
    'CONFIG_INVALID',
    `${directory} holds no ${MANIFEST_NAME} but ${names.length} models (${names.slice(0, 5).join(', ')}); name one of them`,
  );
}

async function identifyInFolder(surroundings: Surroundings): Promise<IdentifiedModel> {
  const { source } = surroundings;
  const manifestText = await readOptionalManifest(surroundings);
  if (manifestText !== undefined) return fromManifest(manifestText, source.locate(MANIFEST_NAME));
  if (source.localDirectory === undefined) return withoutManifest(MODEL_NAME, false);
  return withoutManifest(await onlyModelIn(source.localDirectory), true);
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

/** What can honestly be said of a model that came without a manifest: its file's name and its digest. */
export function deriveManifest(modelName: string, digest: string): Manifest {
  const stem = modelName.replace(/^.*\//, '').replace(/\.[^.]*$/, '');
  const name = stem.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  const hex = digest.replace(/^.*:/, '');
  return {
    schema_version: 1,
    name: name === '' ? 'model' : name.slice(0, 100),
    version: hex.slice(0, 12),
    file: modelName,
    sha256: hex,
  };
}
