import type { DiagLogger } from '@opentelemetry/api';
import type { Logger } from '../logging.js';

/** Between two lines on a collector that takes nothing, milliseconds. */
const TOLD_EVERY_MS = 600_000;
/** Lines of the SDK's own that are logged. */
const MAX_DIAGNOSTICS = 10;
/** Of what a collector answers. */
const MAX_REASON_LENGTH = 200;

/** What the log is told of the delivery of spans: little, however often it fails. */
export class Complaints {
  readonly #logger: Logger;
  #toldAt = Number.NEGATIVE_INFINITY;
  #diagnostics = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Spans that the collector has not taken, after all attempts. */
  undelivered(error: unknown): void {
    const now = performance.now();
    if (now - this.#toldAt < TOLD_EVERY_MS) return;
    this.#toldAt = now;
    this.#logger.warn({ reason: reasonOf(error) }, 'spans are lost: the collector does not take them');
  }

  /** For what the SDK says of its settings, and of itself. */
  get diagnostics(): DiagLogger {
    const tell = (message: string): void => {
      this.#diagnostics += 1;
      if (this.#diagnostics <= MAX_DIAGNOSTICS) this.#logger.warn({ source: 'opentelemetry' }, message);
    };
    const pass = (): void => undefined;
    return { error: tell, warn: tell, info: pass, debug: pass, verbose: pass };
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, MAX_REASON_LENGTH);
  // Where every address of a name refuses, there is a code and no message.
  const { code, message } = error as Error & { readonly code?: string | number };
  const parts = [code, message].filter((part) => part !== undefined && part !== '');
  return parts.join(': ').slice(0, MAX_REASON_LENGTH);
}
