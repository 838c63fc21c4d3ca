import type { FetchLogger } from './progress.js';
import { type Timing, withRetries } from './retry.js';
import type { ModelSourceOptions } from './sources/open-source.js';
import type { ModelSource } from './sources/source.js';
import { type Resumption, type Sink, type TransferObserver, transferOnce } from './transfer.js';

export interface FetchModelOptions extends ModelSourceOptions {
  /** Path, `file://`, `s3://` or `http(s)://`; of a folder, a `.json` manifest or an `.onnx` file. */
  readonly uri: string;
  /** Folder for remote models; made when it does not exist. Local models are used where they are. */
  readonly cacheDir: string;
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

export function readWhole(fetch: Fetch, name: string, maxBytes: number): Promise<Buffer> {
  return retried(fetch, async () => {
    const chunks: Uint8Array[] = [];
    await transfer(fetch, name, async (chunk) => void chunks.push(chunk), maxBytes);
    return Buffer.concat(chunks);
  });
}
