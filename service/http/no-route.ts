import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ServiceError } from '../errors.js';

/** That there are routes for. */
const METHODS = ['GET', 'POST'] as const;

/** Before the framework looks at a body that has no taker. Throws NOT_FOUND or METHOD_NOT_ALLOWED. */
export function refuseRoute(server: FastifyInstance, request: FastifyRequest, reply: FastifyReply): never {
  const { error, allow } = noRoute(server, request.method, request.url.split('?', 1)[0] ?? '');
  if (allow !== undefined) reply.header('allow', allow);
  throw error;
}

/** Why there is no answer at a path by a method; where another method has one, its headers say which. */
export function noRoute(
  server: FastifyInstance,
  method: string,
  path: string,
): { error: ServiceError; allow: string | undefined } {
  const allowed = METHODS.filter((candidate) => {
    // An asterisk would be looked up as a pattern, which / matches.
    return !path.includes('*') && server.findRoute({ url: path, method: candidate }) !== null;
  });
  if (allowed.length === 0 || allowed.some((candidate) => candidate === method)) {
    const error = new ServiceError('NOT_FOUND', 'There is nothing here. /docs lists what there is.');
    return { error, allow: undefined };
  }
  const detail = `${path} takes ${allowed.join(' and ')}, not ${method}.`;
  return { error: new ServiceError('METHOD_NOT_ALLOWED', detail), allow: allowed.join(', ') };
}
