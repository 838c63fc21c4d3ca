import type { SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Resource } from '../../lifecycle.js';
import type { Complaints } from './complaints.js';

/** How long the end of the process waits for spans to be sent, milliseconds. */
const LAST_SPANS_MS = 3000;

/** Spans that wait to be sent when the process ends. */
export class LastSpans implements Resource {
  readonly name = 'traces';
  readonly #processor: SpanProcessor;
  readonly #complaints: Complaints;
  #endAt = Number.POSITIVE_INFINITY;
  #closing: Promise<void> | undefined;

  constructor(processor: SpanProcessor, complaints: Complaints) {
    this.#processor = processor;
    this.#complaints = complaints;
  }

  /** What has not been sent that long from now is lost. */
  endWithin(ms: number): void {
    this.#endAt = performance.now() + ms;
  }

  /** Sends what waits, for LAST_SPANS_MS at the most: a collector that is not there keeps no process. */
  close(): Promise<void> {
    this.#closing ??= this.#send();
    return this.#closing;
  }

  async destroy(): Promise<void> {
    this.endWithin(0);
  }

  async #send(): Promise<void> {
    const sent = this.#processor.shutdown().catch((error: unknown) => this.#complaints.undelivered(error));
    const ms = Math.min(LAST_SPANS_MS, Math.max(0, this.#endAt - performance.now()));
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), ms);
    });
    const outcome = await Promise.race([sent, enough]);
    clearTimeout(timer);
    if (outcome === 'late') this.#complaints.undelivered(new Error('the process ends before they are sent'));
  }
}
