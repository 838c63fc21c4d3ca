import type { IncomingHttpHeaders } from 'node:http';
import type { RequestRecord } from '../request-record.js';
import type { TraceContext } from '../trace-context.js';

/** What is there for requests where somebody collects their traces. */
export interface Tracing {
  begin(request: BegunRequest): RequestTrace;
}

/** How a request begins. */
export interface BegunRequest {
  /** On the clock of `performance.now()`. */
  readonly startedAt: number;
  readonly requestId: string;
  readonly method: string;
  /** Undefined where there is none for it. */
  readonly route: string | undefined;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** The trace of one request, from its first byte on. */
export interface RequestTrace extends TraceContext {
  /** Makes its spans, of what its record says. Once, when the request is over. */
  end(request: EndedRequest): void;
}

/** What became of a request. */
export interface EndedRequest {
  readonly record: RequestRecord;
  /** 499 where its client had left. */
  readonly status: number;
}
