import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isContinuation, strongTag } from './content-range.js';
import { bodyOf, type HttpClient, lengthOf } from './http-client.js';
import { networkFailure } from './network-failure.js';
import { forbiddenRedirect, isForbiddenHost } from './redirect-guard.js';
import type { Continuation, OpenedObject } from './source.js';
import { SourceFailure } from './source-failure.js';

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const TRANSIENT_STATUSES = new Set([408, 425, 429]);
const HTTP = /^https?:$/;
/** Answers to a request for the rest of an object that mean: ask for all of it. */
const RESTARTS = new Set([206, 412, 416]);
/** A date stands for one version of an object only if nothing can have changed it within the same second. */
const LEAST_AGE_MS = 1000;
/** More than what redirects and refusals say. */
const MAX_DISCARDED_BYTES = 16 * 1024;

/** What goes with every request for the objects of one source. */
export interface HttpAccess {
  readonly client: HttpClient;
  /** Sent to the origin that is asked first, and to no other that it redirects to. */
  readonly authorization: string | undefined;
  /** What an answer without the object means: any status but 200, or 200 with a web page. Default: what HTTP says. */
  readonly failureOf?: (response: IncomingMessage, url: URL) => SourceFailure;
}

/** The heads of all answers on the way to an object, redirects first, with where each came from. */
export type Heads = readonly { readonly url: URL; readonly headers: IncomingHttpHeaders }[];

export interface HttpObject extends OpenedObject {
  readonly heads: Heads;
}

/** Reads a short body to its end, so that the connection can be used again; else ends that. */
function discard(response: IncomingMessage): void {
  const length = response.headers['content-length'] ?? MAX_DISCARDED_BYTES + 1;
  if (Number(length) <= MAX_DISCARDED_BYTES) response.on('error', () => {}).resume();
  else response.destroy();
}

/** The part of a URL that may be shown: neither credentials nor query, which may hold a signature. */
export function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

function retryAfterSecondsOf({ headers }: IncomingMessage): number | undefined {
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

/** What an answer that is not the object means by the rules of HTTP. */
export function statusFailure(response: IncomingMessage, url: URL): SourceFailure {
  const status = response.statusCode ?? 0;
  const answered = `${shown(url)} answered ${status}`;
  if (status === 200) {
    const what = `${shown(url)} is a web page, not a file; check the URL (a login page?)`;
    return new SourceFailure('missing', what);
  }
  if (status === 404 || status === 410) return new SourceFailure('missing', `${answered}: it is not there`);
  if (status === 401) {
    return new SourceFailure('denied', `${answered}: it wants credentials; set a bearer token for it`);
  }
  if (status === 403) {
    return new SourceFailure(
      'denied',
      `${answered}: these credentials may not read it, or a signed URL expired`,
    );
  }
  if (status >= 500 || TRANSIENT_STATUSES.has(status)) {
    const retryAfterSeconds = retryAfterSecondsOf(response);
    return new SourceFailure('transient', `${answered}: try again later`, { retryAfterSeconds });
  }
  return new SourceFailure('permanent', `${answered}: a model file comes with 200; check the URL`);
}

/**
 * Where a redirect leads. Never from https to http: that would hand the model to whoever sits between. Nor to where
 * credentials are handed out; names are checked again when they resolve.
 */
function redirectTarget(location: string, url: URL): URL {
  const target = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
  if (target === undefined || !HTTP.test(target.protocol)) {
    throw new SourceFailure('permanent', `${shown(url)} redirects to something that is not an http(s) URL`);
  }
  if (url.protocol === 'https:' && target.protocol === 'http:') {
    throw new SourceFailure(
      'permanent',
      `${shown(url)} redirects from https to http (${shown(target)}), which is refused; use a URL that stays on https`,
    );
  }
  if (isForbiddenHost(target.hostname)) throw forbiddenRedirect(target.host);
  target.username = '';
  target.password = '';
  return target;
}

interface Answer {
  readonly response: IncomingMessage;
  readonly url: URL;
  readonly heads: Heads;
}

interface Question {
  readonly method: 'GET' | 'HEAD';
  readonly start: URL;
  readonly from?: Continuation | undefined;
  /** Whether a redirect to another origin is followed; else it is the answer. */
  readonly mayLeave: boolean;
}

async function ask(
  { method, start, from, mayLeave }: Question,
  { client, authorization }: HttpAccess,
  signal: AbortSignal,
): Promise<Answer> {
  const range = from && { range: `bytes=${from.offset}-`, 'if-range': from.version };
  const heads = [];
  let url = start;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const isTrusted = url.origin === start.origin && authorization !== undefined;
    const headers = { ...range, ...(isTrusted && { authorization }) };
    const response = await client.request(method, url, headers, hop > 0, signal).catch((thrown: unknown) => {
      signal.throwIfAborted();
      throw thrown instanceof SourceFailure ? thrown : networkFailure(thrown, shown(url), url.host);
    });
    heads.push({ url, headers: response.headers });
    if (!REDIRECTS.has(response.statusCode ?? 0)) return { response, url, heads };
    const target = redirectTarget(response.headers.location ?? '', url);
    if (!mayLeave && target.origin !== start.origin) return { response, url, heads };
    discard(response);
    url = target;
  }
  throw new SourceFailure('permanent', `${shown(start)} redirects more than ${MAX_REDIRECTS} times`);
}

/** What If-Range may hold for this answer: a strong entity tag, or a date where there is no tag at all. */
function versionOf(response: IncomingMessage): string | undefined {
  const { etag, date, 'last-modified': modified, 'accept-ranges': ranges } = response.headers;
  if (ranges?.trim().toLowerCase() === 'none' || lengthOf(response) === undefined) return undefined;
  if (etag !== undefined) return strongTag(etag);
  const ageMs = Date.parse(date ?? '') - Date.parse(modified ?? '');
  return ageMs >= LEAST_AGE_MS ? modified : undefined;
}

/** Whether a 206 is the rest of the very object whose first part is here already. */
function isRest(response: IncomingMessage, from: Continuation): boolean {
  const { etag, 'last-modified': modified, 'content-range': range } = response.headers;
  const version = from.version.startsWith('"') ? etag : modified;
  const isSame = version === undefined || version === from.version;
  return isSame && lengthOf(response) === from.size - from.offset && isContinuation(range, from);
}

function isPage({ headers }: IncomingMessage): boolean {
  return headers['content-type']?.startsWith('text/html') === true;
}

/** Opens what a URL leads to; tries once, as `ModelSource.open` does. */
export async function openUrl(
  start: URL,
  access: HttpAccess,
  signal: AbortSignal,
  from?: Continuation,
): Promise<HttpObject> {
  const { response, url, heads } = await ask({ method: 'GET', start, from, mayLeave: true }, access, signal);
  const { statusCode = 0 } = response;
  if (from !== undefined && statusCode === 206 && isRest(response, from)) {
    return { stream: response, heads, ...from };
  }
  if (statusCode === 200 && !isPage(response)) {
    return { stream: bodyOf(response), size: lengthOf(response), version: versionOf(response), heads };
  }
  discard(response);
  if (from !== undefined && RESTARTS.has(statusCode)) return openUrl(start, access, signal);
  throw (access.failureOf ?? statusFailure)(response, url);
}

/** What the server says of an object without sending it; servers that it redirects to are not asked. */
export async function headsOf(start: URL, access: HttpAccess, signal: AbortSignal): Promise<Heads> {
  const { response, url, heads } = await ask({ method: 'HEAD', start, mayLeave: false }, access, signal);
  const { statusCode = 0 } = response;
  response.resume();
  if ((statusCode === 200 && !isPage(response)) || REDIRECTS.has(statusCode)) return heads;
  throw (access.failureOf ?? statusFailure)(response, url);
}
