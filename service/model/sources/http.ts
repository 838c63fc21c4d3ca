import type { IncomingMessage } from 'node:http';
import { ServiceError } from '../../errors.js';
import { isContinuation, strongTag } from './content-range.js';
import { bodyOf, HttpClient, lengthOf } from './http-client.js';
import { networkFailure } from './network-failure.js';
import { forbiddenRedirect, isForbiddenHost } from './redirect-guard.js';
import { type Continuation, entryOf, type ModelSource, type OpenedObject } from './source.js';
import { SourceFailure } from './source-failure.js';

export interface HttpSourceOptions {
  /** Sent as `Authorization: Bearer`, to the origin of the URI alone. */
  readonly bearerToken?: string | undefined;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const TRANSIENT_STATUSES = new Set([408, 425, 429]);
const HTTP = /^https?:$/;
/** Answers to a request for the rest of an object that mean: ask for all of it. */
const RESTARTS = new Set([206, 412, 416]);
/** A date stands for one version of an object only if nothing can have changed it within the same second. */
const LEAST_AGE_MS = 1000;

/** The part of a URL that may be shown: neither credentials nor query, which may hold a signature. */
function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

function parseUrl(uri: string): URL {
  if (URL.canParse(uri)) return new URL(uri);
  throw new ServiceError('CONFIG_INVALID', 'the model URI is not a valid http(s) URL');
}

/** A stray percent sign is legal in a URL: then the text stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function authorizationOf(url: URL, bearerToken: string | undefined): string | undefined {
  if (bearerToken !== undefined) return `Bearer ${bearerToken}`;
  if (url.username === '' && url.password === '') return undefined;
  const pair = `${decoded(url.username)}:${decoded(url.password)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

interface Address {
  /** Without credentials and fragment; with its query, since a token for a container opens the siblings too. */
  readonly url: URL;
  readonly entry: string | undefined;
  /** Path that ends with a slash. */
  readonly folder: string;
}

function addressOf(parsed: URL): Address {
  const url = new URL(parsed);
  url.username = '';
  url.password = '';
  url.hash = '';
  const lastSlash = url.pathname.lastIndexOf('/');
  const entry = entryOf(decoded(url.pathname.slice(lastSlash + 1)));
  if (entry !== undefined) return { url, entry, folder: url.pathname.slice(0, lastSlash + 1) };
  return { url, entry, folder: url.pathname.endsWith('/') ? url.pathname : `${url.pathname}/` };
}

function urlOf({ url, entry, folder }: Address, name: string): URL {
  const sibling = new URL(url);
  if (name !== entry) sibling.pathname = folder + name.split('/').map(encodeURIComponent).join('/');
  return sibling;
}

function retryAfterSecondsOf({ headers }: IncomingMessage): number | undefined {
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

function statusFailure(response: IncomingMessage, url: URL): SourceFailure {
  const status = response.statusCode ?? 0;
  const answered = `${shown(url)} answered ${status}`;
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

/** What goes with every request for the objects of one source. */
interface Access {
  readonly client: HttpClient;
  readonly authorization: string | undefined;
}

interface Answer {
  readonly response: IncomingMessage;
  readonly url: URL;
}

async function follow(
  start: URL,
  { client, authorization }: Access,
  from: Continuation | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  const range = from && { range: `bytes=${from.offset}-`, 'if-range': from.version };
  let url = start;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const isTrusted = url.origin === start.origin && authorization !== undefined;
    const response = await client
      .get(url, { ...range, ...(isTrusted && { authorization }) }, hop > 0, signal)
      .catch((thrown: unknown) => {
        signal.throwIfAborted();
        throw thrown instanceof SourceFailure ? thrown : networkFailure(thrown, shown(url), url.host);
      });
    if (!REDIRECTS.has(response.statusCode ?? 0)) return { response, url };
    response.destroy();
    url = redirectTarget(response.headers.location ?? '', url);
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

async function openUrl(
  start: URL,
  access: Access,
  signal: AbortSignal,
  from?: Continuation,
): Promise<OpenedObject> {
  const { response, url } = await follow(start, access, from, signal);
  const { statusCode = 0 } = response;
  if (from !== undefined && statusCode === 206 && isRest(response, from)) {
    return { stream: response, ...from };
  }
  if (statusCode === 200 && response.headers['content-type']?.startsWith('text/html') !== true) {
    return { stream: bodyOf(response), size: lengthOf(response), version: versionOf(response) };
  }
  response.destroy();
  if (from !== undefined && RESTARTS.has(statusCode)) return openUrl(start, access, signal);
  if (statusCode !== 200) throw statusFailure(response, url);
  throw new SourceFailure(
    'missing',
    `${shown(url)} is a web page, not a file; check the URL (a login page?)`,
  );
}

/** A model behind http(s). Throws CONFIG_INVALID when the URI is not a URL. */
export function createHttpSource(uri: string, { bearerToken }: HttpSourceOptions = {}): ModelSource {
  const parsed = parseUrl(uri);
  const address = addressOf(parsed);
  const access = { client: new HttpClient(), authorization: authorizationOf(parsed, bearerToken) };
  return {
    description: shown(address.url),
    entry: address.entry,
    localDirectory: undefined,
    locate: (name) => shown(urlOf(address, name)),
    open: (name, signal, from) => openUrl(urlOf(address, name), access, signal, from),
    close: () => access.client.close(),
  };
}
