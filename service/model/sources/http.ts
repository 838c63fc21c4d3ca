import { ServiceError } from '../../errors.js';
import { HttpClient } from './http-client.js';
import { openUrl, shown } from './http-object.js';
import { entryOf, type ModelSource } from './source.js';

export interface HttpSourceOptions {
  /** Sent as `Authorization: Bearer`, to the origin of the URI alone. */
  readonly bearerToken?: string | undefined;
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

/** The `Authorization` header: the token, else user and password of the URL. */
export function authorizationOf(url: URL, bearerToken: string | undefined): string | undefined {
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

/** A model behind http(s). Throws CONFIG_INVALID when the URI is not a URL. */
export function createHttpSource(uri: string, { bearerToken }: HttpSourceOptions = {}): ModelSource {
  const parsed = parseUrl(uri);
  const address = addressOf(parsed);
  const access = { client: new HttpClient(), authorization: authorizationOf(parsed, bearerToken) };
  return {
    description: shown(address.url),
    identity: address.url.href,
    entry: address.entry,
    localDirectory: undefined,
    locate: (name) => shown(urlOf(address, name)),
    open: (name, signal, from) => openUrl(urlOf(address, name), access, signal, from),
    close: () => access.client.close(),
  };
}
