import type { RequestScope } from '../admission/request-scope.js';
import type { RequestErrorCode } from '../errors.js';
import type { StageTimings } from '../telemetry/stage-timings.js';

/** What this folder keeps at a request. */
declare module 'fastify' {
  interface FastifyRequest {
    /** Present on routes that predict. */
    scope: RequestScope;
    timings: StageTimings | undefined;
    /** What the log says of the images. */
    summary: Record<string, unknown> | undefined;
    failure: { code: RequestErrorCode; thrown: unknown } | undefined;
  }
  interface FastifyContextConfig {
    /** The body, for the OpenAPI document. */
    requestBody?: unknown;
    /** What the answer is where it is a text, for the OpenAPI document. */
    textAnswer?: string;
  }
}
