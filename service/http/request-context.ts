import type { RequestScope } from '../admission/request-scope.js';
import type { RequestRecord } from '../telemetry/request-record.js';

/** What this folder keeps at a request. */
declare module 'fastify' {
  interface FastifyRequest {
    /** Present on routes that predict, and on that for feedback. */
    scope: RequestScope;
    record: RequestRecord;
  }
  interface FastifyContextConfig {
    /** The body, for the OpenAPI document. */
    requestBody?: unknown;
    /** What the answer is where it is a text, for the OpenAPI document. */
    textAnswer?: string;
  }
}
