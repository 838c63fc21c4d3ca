import { ServiceError } from '../errors.js';
import type { Continuation, ModelSource, OpenedObject } from './sources/source.js';
import { SourceFailure } from './sources/source-failure.js';

/** What one attempt may take. */
export interface TransferLimits {
  readonly maxBytes: number;
  /** From asking to the first answer: name, connection, handshake, credentials, headers. */
  readonly responseTimeoutMs: number;
  /** Between one piece of the body and the next; time spent on writing does not count. */
  readonly stallTimeoutMs: number;
}

export interface TransferObserver {
  /** @param offset bytes that earlier attempts have brought already */
  onOpen?(size: number | undefined, offset: number): void;
  /** @param received bytes of the object, with those of earlier attempts */
  onBytes?(received: number): void;
}

/** What is kept from one attempt to the next, so that an object need not come twice. */
export interface Resumption {
  /** Where the next attempt begins, if it can. */
  readonly from: Continuation | undefined;
  /** Told before the first byte of an attempt; what came before the object's offset is to be kept, all else forgotten. */
  begin(object: OpenedObject): Promise<void>;
}

export interface Transfer {
  readonly source: ModelSource;
  readonly name: string;
  readonly limits: TransferLimits;
  readonly signal: AbortSignal;
  readonly observer?: TransferObserver | undefined;
  readonly resumption?: Resumption | undefined;
}

/** Takes the bytes in order; a slow sink slows the transfer down. Rejects with a ServiceError of its own. */
export type Sink = (chunk: Uint8Array) => Promise<void>;

/** Aborts its signal when what it was armed for does not happen in time. */
class Watchdog {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(outer: AbortSignal) {
    this.signal = AbortSignal.any([outer, this.#controller.signal]);
  }

  arm(timeoutMs: number, what: string): void {
    this.disarm();
    this.#timer = setTimeout(() => this.abort(new SourceFailure('transient', what)), timeoutMs);
  }

  disarm(): void {
    clearTimeout(this.#timer);
  }

  abort(reason: unknown): void {
    this.disarm();
    this.#controller.abort(reason);
  }
}

function tooLarge(location: string, size: number, maxBytes: number): ServiceError {
  return new ServiceError(
    'MODEL_INCOMPATIBLE',
    `${location} has ${size} bytes or more, over the limit of ${maxBytes} bytes; raise the limit if that is intended`,
  );
}

/** Waits for the answer, but not longer than the watchdog: some clients ignore their signal while they look for credentials. */
async function openWatched(transfer: Transfer, watchdog: Watchdog): Promise<OpenedObject> {
  const { source, name, limits, resumption } = transfer;
  const { signal } = watchdog;
  signal.throwIfAborted();
  const seconds = limits.responseTimeoutMs / 1000;
  watchdog.arm(
    limits.responseTimeoutMs,
    `${source.locate(name)} gave no answer within ${seconds} s; check the address and the network`,
  );
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  const opening = source.open(name, signal, resumption?.from);
  opening.then(({ stream }) => signal.aborted && stream.destroy()).catch(() => {});
  return await Promise.race([opening, aborted]);
}

async function pump(
  transfer: Transfer,
  { stream, size, offset = 0 }: OpenedObject,
  sink: Sink,
  watchdog: Watchdog,
): Promise<number> {
  const { source, name, limits, observer } = transfer;
  const location = source.locate(name);
  const stalled = `${location} sent nothing for ${limits.stallTimeoutMs / 1000} s in mid-download; check the network`;
  let received = offset;
  watchdog.arm(limits.stallTimeoutMs, stalled);
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    watchdog.disarm();
    received += chunk.byteLength;
    if (received > limits.maxBytes) throw tooLarge(location, received, limits.maxBytes);
    await sink(chunk);
    observer?.onBytes?.(received);
    watchdog.arm(limits.stallTimeoutMs, stalled);
  }
  watchdog.disarm();
  if (size === undefined || size === received) return received;
  throw new SourceFailure('transient', `${location} ended after ${received} of ${size} bytes`);
}

function asFailure(thrown: unknown, location: string): unknown {
  if (thrown instanceof ServiceError) return thrown;
  return new SourceFailure('transient', `the download of ${location} broke off; check the network`, {
    cause: thrown,
  });
}

/**
 * Moves one object into the sink, once. Rejects with a SourceFailure (transient when it stalled, broke off or
 * came short), with MODEL_INCOMPATIBLE when it is larger than allowed, or with the signal's reason.
 * @returns bytes of the object, with those that earlier attempts had brought
 */
export async function transferOnce(transfer: Transfer, sink: Sink): Promise<number> {
  const { source, name, limits, observer, resumption } = transfer;
  const location = source.locate(name);
  const watchdog = new Watchdog(transfer.signal);
  const { signal } = watchdog;
  try {
    const opened = await openWatched(transfer, watchdog);
    const { stream, size } = opened;
    stream.on('error', () => {});
    signal.addEventListener('abort', () => stream.destroy(), { once: true });
    if (size !== undefined && size > limits.maxBytes) throw tooLarge(location, size, limits.maxBytes);
    watchdog.disarm();
    await resumption?.begin(opened);
    observer?.onOpen?.(size, opened.offset ?? 0);
    return await pump(transfer, opened, sink, watchdog);
  } catch (thrown) {
    const failure = signal.aborted ? signal.reason : asFailure(thrown, location);
    watchdog.abort(failure);
    throw failure;
  }
}
