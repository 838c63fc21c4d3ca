import { createHash } from 'node:crypto';
import { dirname, join, posix } from 'node:path';
import { folderOf, type ModelCache } from './cache/model-cache.js';
import { digestOf, type HashedFile, isOfKind, sha256Of } from './digest.js';
import { downloadModel } from './download-model.js';
import { ask, type Fetch, transfer } from './fetch-context.js';
import { goldenNames, type IdentifiedModel } from './identify-model.js';
import type { Manifest } from './manifest.js';
import { checkDigest, filesOf, type ModelFile, nameInModel } from './model-files.js';
import type { SmallObjects } from './small-objects.js';
import { SourceFailure } from './sources/source-failure.js';

/** One image; a manifest names at most 100, and one at a time is in memory. */
const MAX_GOLDEN_BYTES = 16 * 1024 * 1024;

async function hashInPlace(
  fetch: Fetch,
  objectName: string,
  maxBytes: number,
): Promise<Omit<HashedFile, 'name'>> {
  const hash = createHash('sha256');
  const bytes = await transfer(fetch, objectName, async (chunk) => void hash.update(chunk), maxBytes);
  return { bytes, hex: hash.digest('hex') };
}

/** Reads a local model once, to know its digest; it stays where it is. */
export async function useInPlace(
  fetch: Fetch,
  identified: IdentifiedModel,
  expected: string | undefined,
): Promise<ModelFile> {
  const path = fetch.source.locate(identified.modelName);
  const files: HashedFile[] = [];
  let bytes = 0;
  for (const objectName of filesOf(identified)) {
    const file = await hashInPlace(fetch, objectName, fetch.options.maxModelBytes - bytes);
    files.push({ name: nameInModel(identified, objectName), ...file });
    bytes += file.bytes;
  }
  const [model, ...externalData] = files;
  if (model === undefined) throw new Error('a model without files');
  const digest = digestOf(model, externalData);
  checkDigest(path, digest, expected);
  return { path, digest, bytes, cached: false };
}

/** The digest of the model as the source itself knows it, where it knows that of every file. */
export async function vouchedDigest(fetch: Fetch, identified: IdentifiedModel): Promise<string | undefined> {
  const files: HashedFile[] = [];
  for (const objectName of filesOf(identified)) {
    const said = await ask(fetch, objectName, async (signal) =>
      fetch.source.vouchFor?.(objectName, signal),
    ).catch((thrown: unknown) => {
      // Not to be had without the bytes; what is wrong, the download says.
      if (!(thrown instanceof SourceFailure) || thrown.kind === 'transient') throw thrown;
    });
    if (said === undefined) return undefined;
    files.push({ name: nameInModel(identified, objectName), ...said });
  }
  const [model, ...externalData] = files;
  return model && digestOf(model, externalData);
}

/** The model with this digest, if the cache has it whole. */
export async function fromCache(
  fetch: Fetch,
  identified: IdentifiedModel,
  cache: ModelCache,
  digest: string,
): Promise<ModelFile | undefined> {
  const { externalData } = identified;
  if (!isOfKind(digest, externalData.length > 0)) return undefined;
  const modelName = nameInModel(identified, identified.modelName);
  const found = await cache.look(digest, modelName, externalData, fetch.signal);
  if (typeof found === 'object') return { ...found, digest, cached: true };
  if (found === 'damaged') {
    fetch.options.logger.warn(
      { digest },
      'the cached model is damaged or others may have changed it; downloading it again',
    );
  }
  return undefined;
}

export async function obtainModel(
  fetch: Fetch,
  identified: IdentifiedModel,
  cache: ModelCache,
  expected: string | undefined,
): Promise<ModelFile> {
  const cached = expected === undefined ? undefined : await fromCache(fetch, identified, cache, expected);
  if (cached !== undefined) return cached;
  try {
    return await downloadModel(fetch, identified, cache, expected);
  } catch (thrown) {
    const { modelName, isNamed } = identified;
    const isAbsent = thrown instanceof SourceFailure && thrown.kind === 'missing' && !thrown.isBucket;
    if (isNamed || !isAbsent) throw thrown;
    const { description } = fetch.source;
    throw new SourceFailure(
      'missing',
      `${description} holds neither model.json nor ${modelName}; name the .json or .onnx file, or the folder it is in`,
      { cause: thrown },
    );
  }
}

/**
 * Downloads the golden images into one folder that belongs to this manifest of this model. Returns that.
 * @param model in the cache
 */
export async function obtainGolden(
  { manifest, manifestText }: IdentifiedModel,
  objects: SmallObjects,
  cache: ModelCache,
  model: ModelFile,
): Promise<string> {
  const names = goldenNames(manifest);
  if (names.length === 0) return dirname(model.path);
  const folder = `manifest-${sha256Of(manifestText).slice(0, 16)}`;
  for (const name of names) {
    const path = posix.join(folder, name);
    const data = await objects.readKept(name, MAX_GOLDEN_BYTES, path);
    await cache.keep(folderOf(model.digest), path, data);
  }
  return join(dirname(model.path), folder);
}

export async function checkGoldenPresent(
  { source, signal }: Fetch,
  manifest: Manifest | undefined,
): Promise<void> {
  for (const name of goldenNames(manifest)) {
    const { stream } = await source.open(name, signal);
    stream.destroy();
  }
}
