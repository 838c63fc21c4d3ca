import type { CacheFile, ModelCache } from './cache/model-cache.js';
import { digestOf, type HashedFile } from './digest.js';
import { damagedObject, type Fetch, retried, transfer } from './fetch-context.js';
import type { IdentifiedModel } from './identify-model.js';
import { checkDigest, filesOf, type ModelFile, nameInModel } from './model-files.js';
import { ObjectDownload } from './object-download.js';
import { Progress } from './progress.js';

interface Received extends HashedFile {
  readonly wasResumed: boolean;
}

/** The parts of an object are not of one and the same: all of it is to be fetched anew. */
class UnfitParts extends Error {}

/** Downloads one object into a file, in as many attempts as are allowed. */
async function receive(
  fetch: Fetch,
  name: string,
  file: CacheFile,
  maxBytes: number,
  mayResume: boolean,
): Promise<Omit<Received, 'name'>> {
  const observer = new Progress(fetch.source.locate(name), fetch.options.logger, fetch.timing);
  const resumption = new ObjectDownload(file, mayResume);
  const bytes = await retried(
    fetch,
    () => transfer(fetch, name, (chunk) => resumption.write(chunk), maxBytes, { observer, resumption }),
    () => resumption.hasProgressed(),
  );
  const { hex, isAsSaid } = resumption.finish();
  const { wasResumed } = resumption;
  if (!isAsSaid && wasResumed) throw new UnfitParts();
  if (!isAsSaid) throw damagedObject(fetch.source.locate(name));
  observer.onDone(bytes);
  return { bytes, hex, wasResumed };
}

/** Into files of the cache that nobody sees yet, one for each of the model's; hashed while they stream. */
async function receiveAll(
  fetch: Fetch,
  identified: IdentifiedModel,
  cache: ModelCache,
  files: CacheFile[],
  mayResume: boolean,
): Promise<Received[]> {
  const received: Received[] = [];
  let bytesLeft = fetch.options.maxModelBytes;
  for (const objectName of filesOf(identified)) {
    const file = await cache.receive();
    files.push(file);
    const { bytes, ...rest } = await receive(fetch, objectName, file, bytesLeft, mayResume);
    received.push({ name: nameInModel(identified, objectName), bytes, ...rest });
    bytesLeft -= bytes;
  }
  return received;
}

/** In the cache only when it is whole and right. Undefined: it is not, and parts of it are of several attempts. */
async function downloadOnce(
  fetch: Fetch,
  identified: IdentifiedModel,
  cache: ModelCache,
  expected: string | undefined,
  mayResume: boolean,
): Promise<ModelFile | undefined> {
  const files: CacheFile[] = [];
  try {
    const received = await receiveAll(fetch, identified, cache, files, mayResume);
    const [model, ...externalData] = received;
    if (model === undefined) return undefined;
    const digest = digestOf(model, externalData);
    if (expected !== undefined && digest !== expected && received.some(({ wasResumed }) => wasResumed)) {
      return undefined;
    }
    checkDigest(fetch.source.locate(identified.modelName), digest, expected);
    const path = await cache.commit(digest, files, identified.externalData);
    return { path, digest, bytes: received.reduce((sum, { bytes }) => sum + bytes, 0), cached: false };
  } catch (thrown) {
    if (thrown instanceof UnfitParts) return undefined;
    throw thrown;
  } finally {
    for (const file of files) await file.discard();
  }
}

/**
 * Downloads a model into the cache. A server that goes on with other bytes than it began with, under the same tag, is
 * found out by the digest: then all of it is fetched once more from its start.
 */
export async function downloadModel(
  fetch: Fetch,
  identified: IdentifiedModel,
  cache: ModelCache,
  expected: string | undefined,
): Promise<ModelFile> {
  const joined = await downloadOnce(fetch, identified, cache, expected, true);
  if (joined !== undefined) return joined;
  const object = fetch.source.locate(identified.modelName);
  fetch.options.logger.warn({ object }, 'the parts do not make up the expected model; downloading it again');
  const whole = await downloadOnce(fetch, identified, cache, expected, false);
  if (whole === undefined) throw new Error('a model without files');
  return whole;
}
