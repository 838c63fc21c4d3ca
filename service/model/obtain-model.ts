import { createHash, type Hash } from 'node:crypto';
import { dirname, join, posix } from 'node:path';
import { ServiceError } from '../errors.js';
import { sha256Of } from './digest.js';
import { type Fetch, readWhole, retried, transfer } from './fetch-context.js';
import { goldenNames, type IdentifiedModel } from './identify-model.js';
import type { Manifest } from './manifest.js';
import type { IncomingFile, ModelCache } from './model-cache.js';
import { Progress } from './progress.js';
import { SourceFailure } from './sources/source-failure.js';
import type { Sink } from './transfer.js';

/** One image; a manifest names at most 100, and one at a time is in memory. */
const MAX_GOLDEN_BYTES = 16 * 1024 * 1024;

/** An ONNX file on this machine, with the digest that its bytes, and those of its external data, were just found to have. */
export interface ModelFile {
  readonly path: string;
  readonly hex: string;
  readonly bytes: number;
  readonly cached: boolean;
}

function checkDigest(location: string, hex: string, expected: string | undefined): void {
  if (expected === undefined || hex === expected) return;
  throw new ServiceError(
    'MODEL_DIGEST_MISMATCH',
    `${location} has sha256 ${hex}, but ${expected} is expected; it was changed or damaged, or the manifest is of another version`,
  );
}

/** The ONNX file and its external data, named as at the source, in the order in which the digest goes through them. */
function namesOf({ modelName, externalData }: IdentifiedModel): string[] {
  return [modelName, ...externalData.map((name) => posix.join(posix.dirname(modelName), name))];
}

/** Reads a local model once, to know its digest; it stays where it is. */
export async function useInPlace(
  fetch: Fetch,
  identified: IdentifiedModel,
  expected: string | undefined,
): Promise<ModelFile> {
  const path = fetch.source.locate(identified.modelName);
  const hash = createHash('sha256');
  let bytes = 0;
  for (const name of namesOf(identified)) {
    bytes += await transfer(
      fetch,
      name,
      async (chunk) => void hash.update(chunk),
      fetch.options.maxModelBytes - bytes,
    );
  }
  const hex = hash.digest('hex');
  checkDigest(path, hex, expected);
  return { path, hex, bytes, cached: false };
}

/** One attempt: hashed while it streams, and in the cache only when it is whole and right. */
async function downloadOnce(
  fetch: Fetch,
  identified: IdentifiedModel,
  cache: ModelCache,
  expected: string | undefined,
): Promise<ModelFile> {
  const hash = createHash('sha256');
  const files: IncomingFile[] = [];
  let bytes = 0;
  try {
    for (const name of namesOf(identified)) {
      const file = await cache.receive();
      files.push(file);
      bytes += await receive(fetch, name, file, hash, fetch.options.maxModelBytes - bytes);
    }
    const hex = hash.digest('hex');
    checkDigest(fetch.source.locate(identified.modelName), hex, expected);
    const paths = cache.paths(hex, identified.externalData);
    // The ONNX file last: where it is, all that it needs is.
    for (const [index, file] of [...files.entries()].reverse()) await file.commit(paths[index] ?? '');
    return { path: cache.modelPath(hex), hex, bytes, cached: false };
  } finally {
    for (const file of files) await file.discard();
  }
}

/** @returns bytes received */
async function receive(
  fetch: Fetch,
  name: string,
  file: IncomingFile,
  hash: Hash,
  maxBytes: number,
): Promise<number> {
  const { options, source, timing } = fetch;
  const progress = new Progress(source.locate(name), options.logger, timing);
  const sink: Sink = (chunk) => {
    hash.update(chunk);
    return file.write(chunk);
  };
  const bytes = await transfer(fetch, name, sink, maxBytes, progress);
  progress.onDone(bytes);
  return bytes;
}

async function fromCache(
  fetch: Fetch,
  { externalData }: IdentifiedModel,
  cache: ModelCache,
  hex: string,
): Promise<ModelFile | undefined> {
  const found = await cache.look(hex, externalData, fetch.signal);
  const path = cache.modelPath(hex);
  if (typeof found === 'number') return { path, hex, bytes: found, cached: true };
  if (found === 'damaged') {
    fetch.options.logger.warn({ object: path }, 'the cached model is damaged; downloading it again');
  }
  return undefined;
}

export async function bringHere(
  fetch: Fetch,
  identified: IdentifiedModel,
  cache: ModelCache,
  expected: string | undefined,
): Promise<ModelFile> {
  const cached = expected === undefined ? undefined : await fromCache(fetch, identified, cache, expected);
  if (cached !== undefined) return cached;
  try {
    return await retried(fetch, () => downloadOnce(fetch, identified, cache, expected));
  } catch (thrown) {
    const { modelName, isNamed } = identified;
    if (isNamed || !(thrown instanceof SourceFailure) || thrown.kind !== 'missing') throw thrown;
    const { description } = fetch.source;
    throw new SourceFailure(
      'missing',
      `${description} holds neither model.json nor ${modelName}; name the .json or .onnx file, or the folder it is in`,
      { cause: thrown },
    );
  }
}

/** Brings the golden images to one folder that belongs to this manifest of this model. */
export async function bringGolden(
  fetch: Fetch,
  { manifest, manifestText }: IdentifiedModel,
  cache: ModelCache,
  hex: string,
): Promise<string> {
  const names = goldenNames(manifest);
  if (names.length === 0) return dirname(cache.modelPath(hex));
  const directory = cache.companionDirectory(hex, sha256Of(manifestText));
  for (const name of names) {
    await cache.keep(join(directory, name), await readWhole(fetch, name, MAX_GOLDEN_BYTES));
  }
  return directory;
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
