import type { FastifyRequest } from 'fastify';
import type { Traffic } from '../fairness/traffic.js';

/** What is special about a route. */
export interface RouteTraits {
  /** Asks for no API key. */
  readonly isOpen: boolean;
  /** Called so often, by machines and by pages for their parts, that a log line each would drown the rest. */
  readonly isQuiet: boolean;
  /** Takes images: admission, deadline and rate limit apply. */
  readonly predicts?: Traffic;
  /** Takes feedback: deadline and rate limit apply. */
  readonly judges?: true;
}

const PROBE: RouteTraits = { isOpen: true, isQuiet: true };
/** Static: the page that asks for the key has none yet. */
const PAGE: RouteTraits = { isOpen: true, isQuiet: true };
const OTHER: RouteTraits = { isOpen: false, isQuiet: false };

/** Every route that is not like the others; METRICS_REQUIRE_KEY closes /metrics. */
export const ROUTE_TABLE = {
  '/health': PROBE,
  '/ready': PROBE,
  '/metrics': PROBE,
  '/': PAGE,
  '/playground/:file': PAGE,
  '/predict': { ...OTHER, predicts: 'single' },
  '/predict/batch': { ...OTHER, predicts: 'batch' },
  '/feedback': { ...OTHER, judges: true },
} as const satisfies Readonly<Record<string, RouteTraits>>;

export function traitsOf(request: FastifyRequest): RouteTraits {
  const table: Readonly<Record<string, RouteTraits>> = ROUTE_TABLE;
  return table[request.routeOptions.url ?? ''] ?? OTHER;
}
