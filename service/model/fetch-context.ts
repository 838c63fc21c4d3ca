import { ServiceError } from '../errors.js';
import type { FetchLogger } from './progress.js';
import { type Timing, withRetries } from './retry.js';
import { beginHash } from './sources/object-digest.js';
import type { ModelSourceOptions } from './sources/open-source.js';
import type { ModelSource, OpenedObject } from './sources/source.js';
import { isAbsence, SourceFailure } from './sources/source-failure.js';
import { type Resumption, type Sink, type TransferObserver, transferOnce } from './transfer.js';

export interface FetchModelOptions extends ModelSourceOptions {
  /** Path, `file://`, `s3://`, `hf://` or `http(s)://`; of a folder, a `.json` manifest or an `.onnx` file. */
  readonly uri: string;
  /** Folder for remote models; made when it does not exist. Local models are used where they are. */
  readonly cacheDir: string;
  /** Of the folder; a download removes what was longest not used beyond it. */
  readonly maxCacheBytes: number;
  /** Digest that the model must have, with its kind in front or without, whatever its manifest says. */
  readonly expectedSha256?: string | undefined;
  readonly maxModelBytes: number;
  /** How often each object is tried without progress; at least 1. */
  readonly attempts: number;
  /** From asking to the first answer, per attempt. */
  readonly responseTimeoutMs: number;
  /** Without a single byte in mid-download, per attempt. */
  readonly stallTimeoutMs: number;
  /** Gives up at once, rejecting with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly logger: FetchLogger;
  readonly timing?: Timing | undefined;
}

/** Everything that one fetch carries around. */
export interface Fetch {
  readonly options: FetchModelOptions;
  readonly source: ModelSource;
  readonly signal: AbortSignal;
  readonly timing: Timing;
}

export interface TransferExtras {
  readonly observer?: TransferObserver;
  readonly resumption?: Resumption;
}

export function transfer(
  fetch: Fetch,
  name: string,
  sink: Sink,
  maxBytes: number,
  extras: TransferExtras = {},
): Promise<number> {
  const { options, source, signal } = fetch;
  const { responseTimeoutMs, stallTimeoutMs } = options;
  const limits = { maxBytes, responseTimeoutMs, stallTimeoutMs };
  return transferOnce({ source, name, limits, signal, ...extras }, sink);
}

export function retried<T>(
  { options, signal, timing }: Fetch,
  run: () => Promise<T>,
  hasProgressed?: () => boolean,
): Promise<T> {
  return withRetries(run, {
    attempts: options.attempts,
    timing,
    signal,
    ...(hasProgressed && { hasProgressed }),
    onRetry: ({ message }, attempt, delayMs) =>
      options.logger.warn(
        { reason: message, attempt, delay_ms: Math.round(delayMs) },
        'trying the download again',
      ),
  });
}

/** The bytes are not those that the source itself says the object has. */
export function damagedObject(location: string): ServiceError {
  return new ServiceError(
    'MODEL_DIGEST_MISMATCH',
    `${location} did not arrive as its server says that it is; something on the way changed or damaged it`,
  );
}

/** Reads an object as a whole, and holds it to what its source says that it hashes to. */
async function readOnce(fetch: Fetch, name: string, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let opened: OpenedObject | undefined;
  const begin = async (object: OpenedObject) => {
    opened = object;
  };
  const resumption = { from: undefined, begin };
  await transfer(fetch, name, async (chunk) => void chunks.push(chunk), maxBytes, { resumption });
  const data = Buffer.concat(chunks);
  const digest = opened?.digest;
  if (digest === undefined) return data;
  const hex = beginHash(digest.kind, data.byteLength).update(data).digest('hex');
  if (hex !== digest.hex) throw damagedObject(fetch.source.locate(name));
  return data;
}

export function readWhole(fetch: Fetch, name: string, maxBytes: number): Promise<Buffer> {
  return retried(fetch, () => readOnce(fetch, name, maxBytes));
}

/** A question with a short answer, in as many attempts as are allowed; each has the time that a first answer may take. */
export function ask<T>(
  fetch: Fetch,
  name: string,
  question: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { options, source } = fetch;
  const late = `${source.locate(name)} gave no answer within ${options.responseTimeoutMs / 1000} s; check the address and the network`;
  return retried(fetch, async () => {
    const timeout = AbortSignal.timeout(options.responseTimeoutMs);
    const signal = AbortSignal.any([fetch.signal, timeout]);
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    try {
      return await Promise.race([question(signal), aborted]);
    } catch (thrown) {
      fetch.signal.throwIfAborted();
      if (thrown instanceof ServiceError) throw thrown;
      throw new SourceFailure('transient', late, { cause: thrown });
    }
  });
}

/** Whether there is an object of that name for us. */
export function exists(fetch: Fetch, name: string): Promise<boolean> {
  const { source } = fetch;
  return ask(fetch, name, async (signal) => {
    try {
      if (source.vouchFor !== undefined) await source.vouchFor(name, signal);
      else (await source.open(name, signal)).stream.on('error', () => {}).destroy();
      return true;
    } catch (thrown) {
      if (isAbsence(thrown)) return false;
      throw thrown;
    }
  });
}
