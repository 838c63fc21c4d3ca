/** Where log lines go. */
export interface LogOutput {
  /** Takes as many of the bytes as there is room for now, and says how many. Throws where nobody reads any more. */
  write(bytes: Uint8Array): number;
}

const NEWLINE = 10;
const NOTHING: Uint8Array = new Uint8Array(0);
/** Between two attempts while there is no room, milliseconds: doubled from the first to the last. */
const FIRST_PAUSE_MS = 1;
const LAST_PAUSE_MS = 50;
/** Between two attempts where writing fails: a disk can get room again, a named pipe another reader. */
const FAILURE_PAUSE_MS = 1000;

/**
 * Lines on their way to an output that may stall: what it does not take is kept up to a limit, what does not fit is
 * dropped and counted. Lines of one turn of the event loop are written together. Lines are whole and in order.
 */
export class LogSink {
  /** Told, once everything that was kept has gone out, how many lines were dropped since it was told last. */
  onDropped: ((lines: number) => void) | undefined;
  readonly #output: LogOutput;
  readonly #maxLength: number;
  #lines: string[] = [];
  /** Characters in `#lines`. */
  #length = 0;
  /** Lines that were encoded to be written; the first of them may have been written in part. */
  #rest = NOTHING;
  #isTorn = false;
  #dropped = 0;
  #reported = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #soon: NodeJS.Immediate | undefined;
  #later: NodeJS.Timeout | undefined;

  /** @param maxLength characters that are kept; nearly all of a log are one byte each */
  constructor(output: LogOutput, maxLength: number) {
    this.#output = output;
    this.#maxLength = maxLength;
  }

  /** Lines dropped since the start. */
  get droppedLines(): number {
    return this.#dropped;
  }

  /** @param line with its line break */
  write(line: string): void {
    if (this.#length + this.#rest.length + line.length > this.#maxLength) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#length += line.length;
    if (this.#later === undefined) this.#soon ??= setImmediate(() => this.writeNow());
  }

  /** Writes what there is room for, without waiting, and says whether that was all. */
  writeNow(): boolean {
    clearImmediate(this.#soon);
    clearTimeout(this.#later);
    this.#soon = undefined;
    this.#later = undefined;
    try {
      if (!this.#writeAll()) return this.#pause(this.#nextPauseMs());
    } catch {
      this.#drop();
      return this.#pause(FAILURE_PAUSE_MS);
    }
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#report();
    return this.#rest.length === 0 && this.#lines.length === 0;
  }

  /** Resolves when everything has been written, and at the latest after the time. */
  async flush(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    while (!this.writeNow() && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS));
    }
  }

  /** False where the output has no room for all. */
  #writeAll(): boolean {
    while (this.#rest.length > 0 || this.#lines.length > 0) {
      if (this.#rest.length === 0) this.#encode();
      const written = this.#output.write(this.#rest);
      if (written === 0) return false;
      this.#isTorn = this.#rest[written - 1] !== NEWLINE;
      this.#rest = this.#rest.subarray(written);
    }
    return true;
  }

  #encode(): void {
    this.#rest = Buffer.from(this.#lines.join(''));
    this.#lines = [];
    this.#length = 0;
  }

  #nextPauseMs(): number {
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, LAST_PAUSE_MS);
    return pauseMs;
  }

  #pause(ms: number): false {
    this.#later = setTimeout(() => this.writeNow(), ms).unref();
    return false;
  }

  /** Gives up all but the rest of a line that was begun, so that no line is ever torn. */
  #drop(): void {
    const end = this.#isTorn ? this.#rest.indexOf(NEWLINE) + 1 : 0;
    this.#dropped += this.#lines.length + count(this.#rest.subarray(end));
    this.#rest = this.#rest.subarray(0, end);
    this.#lines = [];
    this.#length = 0;
  }

  #report(): void {
    const lines = this.#dropped - this.#reported;
    if (lines === 0) return;
    this.#reported = this.#dropped;
    this.onDropped?.(lines);
  }
}

function count(lines: Uint8Array): number {
  let found = 0;
  for (const byte of lines) if (byte === NEWLINE) found += 1;
  return found;
}
