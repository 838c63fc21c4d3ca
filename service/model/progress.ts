import type { Timing } from './retry.js';

/** What pino offers, and no more. */
export interface FetchLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

const INTERVAL_MS = 2_000;

/** Tells how a download goes: its start, then at most every two seconds, then its end. */
export class Progress {
  readonly #location: string;
  readonly #logger: FetchLogger;
  readonly #timing: Timing;
  readonly #startMs: number;
  #reportedMs: number;
  #totalBytes: number | undefined;

  constructor(location: string, logger: FetchLogger, timing: Timing) {
    this.#location = location;
    this.#logger = logger;
    this.#timing = timing;
    this.#startMs = timing.nowMs();
    this.#reportedMs = this.#startMs;
  }

  onOpen(totalBytes: number | undefined, offset: number): void {
    this.#totalBytes = totalBytes;
    const fields = { object: this.#location, total_bytes: totalBytes };
    if (offset === 0) this.#logger.info(fields, 'downloading the model');
    else this.#logger.info({ ...fields, received_bytes: offset }, 'going on with the download of the model');
  }

  onBytes(receivedBytes: number): void {
    const nowMs = this.#timing.nowMs();
    if (nowMs - this.#reportedMs < INTERVAL_MS) return;
    this.#reportedMs = nowMs;
    const seconds = (nowMs - this.#startMs) / 1000;
    this.#logger.info(
      {
        object: this.#location,
        received_bytes: receivedBytes,
        total_bytes: this.#totalBytes,
        bytes_per_second: Math.round(receivedBytes / seconds),
      },
      'still downloading the model',
    );
  }

  onDone(receivedBytes: number): void {
    const seconds = Math.round(this.#timing.nowMs() - this.#startMs) / 1000;
    this.#logger.info(
      { object: this.#location, received_bytes: receivedBytes, seconds },
      'downloaded the model',
    );
  }
}
