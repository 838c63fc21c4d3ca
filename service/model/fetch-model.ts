import { ServiceError } from '../errors.js';
import { ModelCache } from './cache/model-cache.js';
import type { Findings } from './derive/findings.js';
import { parseDigest } from './digest.js';
import { type Fetch, type FetchModelOptions, readWhole } from './fetch-context.js';
import { identifyModel, identityOf } from './identify-model.js';
import type { Manifest } from './manifest.js';
import type { ModelFile } from './model-files.js';
import { bringGolden, bringHere, checkGoldenPresent, isThere, useInPlace } from './obtain-model.js';
import { realTiming } from './retry.js';
import { openSource } from './sources/open-source.js';

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

async function fetchFrom(fetch: Fetch): Promise<ModelFiles> {
  const { options, source } = fetch;
  const read = async (name: string) => (await readWhole(fetch, name, MAX_MANIFEST_BYTES)).toString('utf8');
  const exists = (name: string) => isThere(fetch, name);
  const identified = await identifyModel({ source, logger: options.logger, read, exists });
  const { manifest } = identified;
  const expected = expectedDigest(fetch, manifest);
  const describe = (file: ModelFile, directory: string): ModelFiles => ({
    manifest: manifest ?? identityOf(identified, file.digest),
    findings: manifest === undefined ? identified.findings : undefined,
    modelPath: file.path,
    directory,
    digest: file.digest,
    bytes: file.bytes,
    cached: file.cached,
    source: source.description,
  });
  if (source.localDirectory !== undefined) {
    await checkGoldenPresent(fetch, manifest);
    return describe(await useInPlace(fetch, identified, expected), source.localDirectory);
  }
  const cache = await ModelCache.open(options.cacheDir);
  const removed = await cache.removeLeftovers();
  if (removed > 0) options.logger.info({ files: removed }, 'removed what crashed downloads had left');
  const file = await bringHere(fetch, identified, cache, expected);
  return describe(file, await bringGolden(fetch, identified, cache, file.path));
}

/**
 * Brings a model to this machine, complete and verified. Rejects with a ServiceError whose sentence says what
 * failed and what to do: MODEL_NOT_FOUND, MODEL_UNAVAILABLE (unreachable, denied, cache unusable),
 * MODEL_DIGEST_MISMATCH, MODEL_INCOMPATIBLE (manifest wrong, file too large), CONFIG_INVALID (URI, endpoint,
 * digest); or with the reason of the signal.
 */
export async function fetchModel(options: FetchModelOptions): Promise<ModelFiles> {
  const signal = options.signal ?? new AbortController().signal;
  signal.throwIfAborted();
  const source = await openSource(options.uri, options);
  try {
    return await fetchFrom({ options, source, signal, timing: options.timing ?? realTiming });
  } finally {
    source.close();
  }
}
