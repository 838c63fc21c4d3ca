/** Where a request stands in a trace (W3C Trace Context). */
export interface TraceContext {
  /** 32 hex digits; the caller's where there is one. */
  readonly traceId: string;
  /** Of what this service does for the request, 16 hex digits. */
  readonly spanId: string;
  /** Whether the trace is collected. */
  readonly isSampled: boolean;
}

/** The header `traceparent`, by which others take part in a trace. */
export function traceparentOf({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`;
}

/** What the log says of it: the fields that OpenTelemetry names. */
export function traceFields(trace: TraceContext): Record<string, string> {
  const { traceId, spanId, isSampled } = trace;
  return { trace_id: traceId, span_id: spanId, trace_flags: isSampled ? '01' : '00' };
}

/** By which a bucket of a histogram leads to a request in it: nothing where its trace is not collected. */
export function exemplarOf(trace: TraceContext | undefined): { trace_id?: string; span_id?: string } {
  return trace?.isSampled === true ? { trace_id: trace.traceId, span_id: trace.spanId } : {};
}
