import type { IncomingMessage } from 'node:http';
import { statusFailure } from './http-object.js';
import { SourceFailure } from './source-failure.js';

/** What was asked of a Hub, in words that may be shown. */
export interface HubRequest {
  readonly endpoint: URL;
  readonly repository: string;
  readonly revision: string;
  /** Of a file; undefined where the revision itself was asked for. */
  readonly path: string | undefined;
  readonly hasToken: boolean;
}

/** By `X-Error-Code`, which a Hub says beside the status. */
type Verdict = (request: HubRequest) => SourceFailure;

const noRepository: Verdict = ({ endpoint, repository, hasToken }) => {
  const what = hasToken
    ? 'or the account of HF_TOKEN may not read it; check the name, and what the token may read'
    : 'or it is private; check the name, or set HF_TOKEN to a token that may read it';
  return new SourceFailure('missing', `${endpoint.host} has no model ${repository}, ${what}`, {
    isBucket: true,
  });
};

const noRevision: Verdict = ({ endpoint, repository, revision }) =>
  new SourceFailure(
    'missing',
    `${repository} at ${endpoint.host} has no revision ${revision}; check the branch, tag or commit`,
    { isBucket: true },
  );

const noFile: Verdict = ({ endpoint, repository, revision, path }) =>
  new SourceFailure(
    'missing',
    `revision ${revision} of ${repository} at ${endpoint.host} has no file ${path}; check the path`,
  );

/** Known for good, unlike at S3: what is denied is there. */
const gated: Verdict = ({ endpoint, repository, hasToken }) =>
  new SourceFailure(
    'permanent',
    `${repository} is gated: accept its licence at ${endpoint.origin}/${repository} and ${
      hasToken ? 'use a token of that account as HF_TOKEN' : 'set HF_TOKEN to a token of that account'
    }`,
  );

const noAccess: Verdict = ({ endpoint, repository, hasToken }) =>
  new SourceFailure(
    'permanent',
    hasToken
      ? `${endpoint.host} does not let HF_TOKEN read ${repository}; check that it is valid, may read it, and that its account has accepted the licence`
      : `${endpoint.host} does not let anyone read ${repository}, or does not have it; check the name, or set HF_TOKEN, and accept its licence where it has one`,
  );

const noHub: Verdict = ({ endpoint }) =>
  new SourceFailure(
    'permanent',
    `${endpoint.host} answered with a web page; check HF_ENDPOINT, and whether a proxy wants a login`,
  );

const VERDICTS: ReadonlyMap<unknown, Verdict> = new Map([
  ['GatedRepo', gated],
  ['RepoNotFound', noRepository],
  ['RevisionNotFound', noRevision],
  ['EntryNotFound', noFile],
]);

function verdictOfStatus(status: number, request: HubRequest): Verdict | undefined {
  if (status === 200) return noHub;
  if (status === 401 || status === 403) return noAccess;
  if (status === 404) return request.path === undefined ? noRepository : noFile;
  return undefined;
}

/** Turns an answer without what was asked for into one sentence that names repository, revision and path, and what to do. */
export function hubFailure(request: HubRequest, response: IncomingMessage, url: URL): SourceFailure {
  const { statusCode = 0, headers } = response;
  const isHub = url.origin === request.endpoint.origin;
  // The Hub signs its links to where the bytes are for a while only; another attempt gets a new one.
  if (!isHub && statusCode === 403) {
    return new SourceFailure('transient', `a link of ${request.endpoint.host}'s to ${url.host} was refused`);
  }
  const verdict = VERDICTS.get(headers['x-error-code']) ?? verdictOfStatus(statusCode, request);
  return isHub && verdict !== undefined ? verdict(request) : statusFailure(response, url);
}
