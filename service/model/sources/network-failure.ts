import { messageOf } from '../../errors.js';
import { SourceFailure } from './source-failure.js';

/** By `code` of the error at the root: what happened, and what to do when that will not pass by itself. */
const SENTENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the host name does not resolve',
  EAI_AGAIN: 'the host name does not resolve',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was reset',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'the connection timed out',
  UND_ERR_SOCKET: 'the connection was closed',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the host',
};

const CERTIFICATE_FAULT = /CERT|SIGNATURE|SELF_SIGNED|ISSUER|ALTNAME/;

/** An error and what caused it, innermost last; an AggregateError counts by its first member. */
function chainOf(thrown: unknown): Error[] {
  const chain: Error[] = [];
  let current = thrown;
  while (current instanceof Error && chain.length < 8) {
    chain.push(current);
    current = current instanceof AggregateError ? current.errors[0] : current.cause;
  }
  return chain;
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Turns a failed connection into a sentence; a bad certificate will not heal by itself, all else may. */
export function networkFailure(thrown: unknown, location: string, host: string): SourceFailure {
  const chain = chainOf(thrown);
  const codes = chain.map(codeOf);
  const fault = codes.find((code) => CERTIFICATE_FAULT.test(code));
  if (fault !== undefined) {
    return new SourceFailure(
      'permanent',
      `cannot read ${location}: the certificate of ${host} is not trusted (${fault}); add its authority with NODE_EXTRA_CA_CERTS`,
      { cause: thrown },
    );
  }
  const code = codes.findLast((candidate) => candidate in SENTENCES);
  const what = code === undefined ? safeMessage(chain.at(-1) ?? thrown) : `${SENTENCES[code]} (${code})`;
  return new SourceFailure(
    'transient',
    `cannot read ${location}: ${host}: ${what}; check the address and that this machine may reach it`,
    { cause: thrown },
  );
}

/** Library messages may quote a whole URL, with its signature: keep only up to the query. */
function safeMessage(thrown: unknown): string {
  return messageOf(thrown)
    .replace(/\/\/[^/\s@]*@/g, '//')
    .replace(/\?\S*/g, '');
}
