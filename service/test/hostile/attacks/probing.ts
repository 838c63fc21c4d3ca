import { type Attack, inTurn, pause, repeat, Tally } from './attack.js';
import { type Exchange, exchange } from './exchange.js';

const CLIENTS = 8;
const PAUSE_MS = 5;

/** What some loggers would have looked up. */
const LOOKUP = '$' + '{jndi:ldap://127.0.0.1/x}';

const PATHS = [
  '/',
  '/admin',
  '/.env',
  '/.git/config',
  '/predict/../../etc/passwd',
  '/docs/static/%2e%2e/%2e%2e/package.json',
  '/docs/static/..%2f..%2f..%2fetc/passwd',
  '/%zz',
  '/%00',
  '//predict//',
  `/${'a/'.repeat(2000)}`,
  '/predict?top_k=-1',
  '/predict?top_k=1e9',
  '/predict?threshold=NaN',
  '/predict?top_k=1&top_k=2',
  '/predict?__proto__[x]=1',
  `/predict?${'a=1&'.repeat(1000)}`,
  '/metrics?name[]=x',
  '/health/',
  `/model?x=${LOOKUP}`,
] as const;

const METHODS = ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'PATCH', 'SEARCH'] as const;

const HEADERS: readonly Readonly<Record<string, string>>[] = [
  {},
  { authorization: 'Bearer guess', 'x-api-key': 'guess' },
  { authorization: `Bearer ${'k'.repeat(8000)}` },
  { 'x-request-id': LOOKUP },
  { 'x-request-timeout-ms': '-1' },
  { 'x-request-timeout-ms': '1' },
  { 'x-forwarded-for': '127.0.0.1, 10.0.0.1', forwarded: 'for=127.0.0.1' },
  { 'content-encoding': 'gzip' },
  { 'content-type': 'application/json; charset=utf-7' },
  { 'content-type': '../../etc/passwd' },
  { origin: 'null', 'access-control-request-method': 'POST' },
  { 'accept-encoding': 'gzip, br', range: 'bytes=0-0', 'if-none-match': '*' },
];

const BODIES = [
  undefined,
  Buffer.from('null'),
  Buffer.from('{"image":{"$ref":"#"}}'),
  Buffer.alloc(1000, '%s%n'),
];

/** The next of some thousand combinations. */
function probe(client: number, round: number): Exchange {
  const at = client * 977 + round;
  const body = inTurn(BODIES, 0, at);
  return {
    method: body === undefined ? inTurn(METHODS, 0, at) : 'POST',
    path: inTurn(PATHS, 0, at),
    headers: inTurn(HEADERS, 0, at),
    ...(body !== undefined && { body }),
  };
}

export const probing: Attack = {
  name: 'probing',
  what: 'paths, methods, queries, headers and keys that are guessed',
  async run(target, signal) {
    const tally = new Tally();
    await repeat(CLIENTS, signal, async (client, round) => {
      tally.add(await exchange(target, probe(client, round), signal));
      await pause(PAUSE_MS, signal);
    });
    return tally;
  },
};
