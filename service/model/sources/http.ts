import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { ServiceError } from '../../errors.js';
import { networkFailure } from './network-failure.js';
import { entryOf, type ModelSource, type OpenedObject } from './source.js';
import { SourceFailure } from './source-failure.js';

export interface HttpSourceOptions {
  /** Sent as `Authorization: Bearer`, to the origin of the URI alone. */
  readonly bearerToken?: string | undefined;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const TRANSIENT_STATUSES = new Set([408, 425, 429]);
const HTTP = /^https?:$/;

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

function retryAfterSecondsOf(response: Response): number | undefined {
  const value = response.headers.get('retry-after');
  if (value === null) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

function statusFailure(response: Response, url: URL): SourceFailure {
  const { status } = response;
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

/** Where a redirect leads. Never from https to http: that would hand the model to whoever sits between. */
function redirectTarget(response: Response, url: URL): URL {
  const location = response.headers.get('location') ?? '';
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
  return target;
}

async function request(url: URL, authorization: string | undefined, signal: AbortSignal): Promise<Response> {
  const headers = {
    'accept-encoding': 'identity',
    ...(authorization === undefined ? {} : { authorization }),
  };
  try {
    return await fetch(url, { headers, redirect: 'manual', signal });
  } catch (thrown) {
    signal.throwIfAborted();
    throw networkFailure(thrown, shown(url), url.host);
  }
}

async function follow(start: URL, authorization: string | undefined, signal: AbortSignal): Promise<Response> {
  let url = start;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const response = await request(url, url.origin === start.origin ? authorization : undefined, signal);
    if (response.status === 200) return response;
    await response.body?.cancel();
    if (!REDIRECTS.has(response.status)) throw statusFailure(response, url);
    url = redirectTarget(response, url);
  }
  throw new SourceFailure('permanent', `${shown(start)} redirects more than ${MAX_REDIRECTS} times`);
}

function sizeOf(response: Response): number | undefined {
  const length = response.headers.get('content-length');
  const isEncoded = (response.headers.get('content-encoding') ?? 'identity') !== 'identity';
  return length === null || isEncoded ? undefined : Number(length);
}

async function openUrl(
  url: URL,
  authorization: string | undefined,
  signal: AbortSignal,
): Promise<OpenedObject> {
  const response = await follow(url, authorization, signal);
  if (response.headers.get('content-type')?.startsWith('text/html') === true) {
    await response.body?.cancel();
    throw new SourceFailure(
      'missing',
      `${shown(url)} is a web page, not a file; check the URL (a login page?)`,
    );
  }
  const body = response.body as ReadableStream<Uint8Array> | null;
  return { stream: body === null ? Readable.from([]) : Readable.fromWeb(body), size: sizeOf(response) };
}

/** A model behind http(s). Throws CONFIG_INVALID when the URI is not a URL. */
export function createHttpSource(uri: string, { bearerToken }: HttpSourceOptions = {}): ModelSource {
  const parsed = parseUrl(uri);
  const address = addressOf(parsed);
  const authorization = authorizationOf(parsed, bearerToken);
  return {
    description: shown(address.url),
    entry: address.entry,
    localDirectory: undefined,
    locate: (name) => shown(urlOf(address, name)),
    open: (name, signal) => openUrl(urlOf(address, name), authorization, signal),
    close: () => {},
  };
}
