import { messageOf, ServiceError } from '../errors.js';
import { ModelCache } from './cache/model-cache.js';
import { findCopy, type SourceCopy } from './cache/source-copies.js';
import { keepForLater, makeRoom, tidy } from './cache-upkeep.js';
import type { Findings } from './derive/findings.js';
import { parseDigest } from './digest.js';
import type { Fetch, FetchModelOptions } from './fetch-context.js';
import { type IdentifiedModel, identifyModel, identityOf } from './identify-model.js';
import type { Manifest } from './manifest.js';
import type { ModelFile } from './model-files.js';
import {
  checkGoldenPresent,
  fromCache,
  obtainGolden,
  obtainModel,
  useInPlace,
  vouchedDigest,
} from './obtain-model.js';
import { realTiming } from './retry.js';
import { CopiedObjects, LiveObjects, type SmallObjects, UnusableCopy } from './small-objects.js';
import { openSource } from './sources/open-source.js';
import { SourceFailure } from './sources/source-failure.js';

/** 100 000 labels of 150 bytes. */
const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;

/** A model on this machine, complete and checked against every digest that is known of it. */
export interface ModelFiles {
  /** Without a model.json only what identifies it: the rest is derived once the file is loaded. */
  readonly manifest: Manifest;
  /** What lies around the model says of it; undefined where it came with a model.json. */
  readonly findings: Findings | undefined;
  readonly modelPath: string;
  /** Folder that the manifest's golden files are relative to. */
  readonly directory: string;
  /** `sha256:<hex>` of the ONNX file, or `sha256-files:<hex>` of that and its external data. */
  readonly digest: string;
  /** Size of the same. */
  readonly bytes: number;
  /** Whether the download was spared; false for local files. */
  readonly cached: boolean;
  /** Where the model came from, free of credentials. */
  readonly source: string;
}

/** The digest that the model must have, if anyone has said. Throws MODEL_DIGEST_MISMATCH when two disagree. */
function expectedDigest({ options, source }: Fetch, manifest: Manifest | undefined): string | undefined {
  const configured = options.expectedSha256 === undefined ? undefined : parseDigest(options.expectedSha256);
  const stated = manifest?.sha256 === undefined ? undefined : parseDigest(manifest.sha256);
  if (configured !== undefined && stated !== undefined && configured !== stated) {
    throw new ServiceError(
      'MODEL_DIGEST_MISMATCH',
      `the manifest at ${source.description} says that its model has digest ${stated}, but ${configured} is expected`,
    );
  }
  return configured ?? stated;
}

function identify({ options, source }: Fetch, objects: SmallObjects): Promise<IdentifiedModel> {
  const read = async (name: string) => (await objects.read(name, MAX_MANIFEST_BYTES)).toString('utf8');
  const exists = (name: string) => objects.exists(name);
  return identifyModel({ source, logger: options.logger, read, exists });
}

function describe(
  { source }: Fetch,
  identified: IdentifiedModel,
  file: ModelFile,
  directory: string,
): ModelFiles {
  const { manifest, findings } = identified;
  return {
    manifest: manifest ?? identityOf(identified, file.digest),
    findings: manifest === undefined ? findings : undefined,
    modelPath: file.path,
    directory,
    digest: file.digest,
    bytes: file.bytes,
    cached: file.cached,
    source: source.description,
  };
}

async function fetchLocal(fetch: Fetch, directory: string): Promise<ModelFiles> {
  const identified = await identify(fetch, new LiveObjects(fetch));
  const expected = expectedDigest(fetch, identified.manifest);
  await checkGoldenPresent(fetch, identified.manifest);
  return describe(fetch, identified, await useInPlace(fetch, identified, expected), directory);
}

/** What the source says now. */
async function fetchLive(fetch: Fetch, cache: ModelCache): Promise<ModelFiles> {
  const objects = new LiveObjects(fetch);
  const identified = await identify(fetch, objects);
  const expected = expectedDigest(fetch, identified.manifest) ?? (await vouchedDigest(fetch, identified));
  const file = await obtainModel(fetch, identified, cache, expected);
  const directory = await obtainGolden(identified, objects, cache, file);
  await keepForLater(fetch, cache, file.digest, objects);
  return describe(fetch, identified, file, directory);
}

/** What the source said when a model last came of it; undefined where the cache has not got all of that. */
async function fetchCopy(fetch: Fetch, cache: ModelCache, copy: SourceCopy): Promise<ModelFiles | undefined> {
  try {
    const objects = new CopiedObjects(cache, copy);
    const identified = await identify(fetch, objects);
    const expected = expectedDigest(fetch, identified.manifest) ?? copy.digest;
    if (expected !== copy.digest) throw new UnusableCopy(`it is of ${copy.digest}, not of ${expected}`);
    const file = await fromCache(fetch, identified, cache, expected);
    return file && describe(fetch, identified, file, await obtainGolden(identified, objects, cache, file));
  } catch (thrown) {
    fetch.signal.throwIfAborted();
    const { logger } = fetch.options;
    logger.warn({ reason: messageOf(thrown) }, 'the copy of what the source said last cannot be used');
    return undefined;
  }
}

/** As the source has it now or, where that cannot be reached, as it had it last. */
async function fetchInto(fetch: Fetch, cache: ModelCache): Promise<ModelFiles> {
  const { options, source } = fetch;
  const copy = await findCopy(cache, source.identity);
  const settled = copy && source.isImmutable === true ? await fetchCopy(fetch, cache, copy) : undefined;
  if (settled !== undefined) return settled;
  try {
    return await fetchLive(fetch, cache);
  } catch (thrown) {
    const isUnreachable = thrown instanceof SourceFailure && thrown.kind === 'transient';
    const files = isUnreachable && copy ? await fetchCopy(fetch, cache, copy) : undefined;
    if (files === undefined) throw thrown;
    const since = new Date(copy?.saidMs ?? 0).toISOString();
    options.logger.warn(
      { source: source.description, reason: messageOf(thrown), since, digest: files.digest },
      'the source of the model cannot be reached: going on with what it had when it last was',
    );
    return files;
  }
}

/** A model that is far away: in the cache, where it stays for as long as this process lives. */
async function fetchRemote(fetch: Fetch): Promise<ModelFiles> {
  const cache = await ModelCache.open(fetch.options.cacheDir);
  await tidy(fetch, cache);
  const files = await fetchInto(fetch, cache);
  cache.keepInUse(files.modelPath);
  if (!files.cached) await makeRoom(fetch, cache);
  return files;
}

/**
 * Obtains a model, complete and verified. Rejects with a ServiceError whose sentence says what
 * failed and what to do: MODEL_NOT_FOUND, MODEL_UNAVAILABLE (unreachable, denied, cache unusable),
 * MODEL_DIGEST_MISMATCH, MODEL_INCOMPATIBLE (manifest wrong, file too large), CONFIG_INVALID (URI, endpoint,
 * digest); or with the reason of the signal.
 */
export async function fetchModel(options: FetchModelOptions): Promise<ModelFiles> {
  const signal = options.signal ?? new AbortController().signal;
  signal.throwIfAborted();
  const source = await openSource(options.uri, options);
  try {
    const fetch = { options, source, signal, timing: options.timing ?? realTiming };
    const { localDirectory } = source;
    return await (localDirectory === undefined ? fetchRemote(fetch) : fetchLocal(fetch, localDirectory));
  } finally {
    source.close();
  }
}
