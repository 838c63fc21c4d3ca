import { head } from '../../support/raw-connection.js';
import type { Attack } from './attack.js';
import { askWithoutReading } from './unread-answers.js';

const CONNECTIONS = 16;
/** All of them fit into what a server takes from a socket at once. */
const REQUESTS_PER_WRITE = 600;
const PATHS = ['/openapi.json', '/metrics', '/docs/static/swagger-ui-bundle.js', '/nothing'] as const;

export const pipelining: Attack = {
  name: 'pipelining',
  what: '16 connections that send 600 requests for pages in one write, and again, and never read an answer',
  run: (target, signal) => {
    const requests = PATHS.map((path) => head('GET', path).repeat(REQUESTS_PER_WRITE));
    return askWithoutReading(CONNECTIONS, requests, target, signal);
  },
};
