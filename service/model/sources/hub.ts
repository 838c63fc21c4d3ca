import { ServiceError } from '../../errors.js';
import { HttpClient } from './http-client.js';
import { type Heads, type HttpAccess, headsOf, openUrl } from './http-object.js';
import { type HubAddress, parseHubAddress } from './hub-address.js';
import { hubFailure } from './hub-failure.js';
import type { ObjectDigest } from './object-digest.js';
import { readShort } from './short-answer.js';
import { type Continuation, type ModelSource, type OpenedObject, pathIn } from './source.js';
import { SourceFailure } from './source-failure.js';

export interface HubSourceOptions {
  /** Sent to the host of the endpoint alone. */
  readonly token?: string | undefined;
  /** Of a Hub other than the public one; may have a path. */
  readonly endpoint?: string | undefined;
}

const PUBLIC_HUB = 'https://huggingface.co';
const COMMIT = /^[0-9a-f]{40}$/;
/** A list of all files, where a server gives more than was asked for. */
const MAX_REVISION_BYTES = 16 * 1024 * 1024;

function parseEndpoint(endpoint: string): URL {
  if (URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol)) return new URL(endpoint);
  throw new ServiceError(
    'CONFIG_INVALID',
    'HF_ENDPOINT is not an http(s) URL, such as https://huggingface.co',
  );
}

const encoded = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

/** `"abc"` or `W/"abc"`, as a server tags what it compresses; neither changes what the content is. */
function hexOf(tag: string | string[] | undefined): string | undefined {
  return /^(?:W\/)?"?([0-9a-f]{64}|[0-9a-f]{40})"?$/i.exec(tag?.toString() ?? '')?.[1]?.toLowerCase();
}

interface FileFacts {
  readonly digest: ObjectDigest | undefined;
  readonly size: number | undefined;
}

/**
 * What the Hub says of a file on the way to it. `X-Linked-Etag` and `X-Linked-Size` are of the file, whatever answer
 * they come with; a plain ETag is so only in the answer of the Hub itself, or of one that it is a mirror of, since stores
 * of bytes tag as they like.
 */
function factsIn(heads: Heads, hub: URL): FileFacts {
  const linked = heads.find(({ headers }) => headers['x-linked-etag'] !== undefined)?.headers;
  const last = heads.at(-1);
  const isOfHub = last?.url.origin === hub.origin || last?.headers['x-repo-commit'] !== undefined;
  const own = isOfHub ? last?.headers.etag : undefined;
  const hex = hexOf(linked?.['x-linked-etag'] ?? own);
  const size = linked?.['x-linked-size'] === undefined ? undefined : Number(linked['x-linked-size']);
  if (hex === undefined) return { digest: undefined, size };
  return { digest: { kind: hex.length === 64 ? 'sha256' : 'git-blob', hex }, size };
}

function commitIn(text: string): string | undefined {
  try {
    const { sha } = Object(JSON.parse(text));
    return COMMIT.test(sha) ? sha : undefined;
  } catch {
    return undefined;
  }
}

/** Reads the files of one commit of one repository. */
class HubReader {
  readonly #endpoint: URL;
  readonly #address: HubAddress;
  readonly #client = new HttpClient();
  readonly #token: string | undefined;
  /** What the revision was when it was first asked for: all files are of one commit. */
  #commit: string | undefined;

  constructor(endpoint: URL, address: HubAddress, token: string | undefined) {
    this.#endpoint = endpoint;
    this.#address = address;
    this.#token = token;
    if (COMMIT.test(address.revision)) this.#commit = address.revision;
  }

  async open(path: string, signal: AbortSignal, from?: Continuation): Promise<OpenedObject> {
    const url = await this.#urlOf(path, signal);
    const { heads, ...opened } = await openUrl(url, this.#accessTo(path), signal, from);
    const { digest, size = opened.size } = factsIn(heads, this.#endpoint);
    const isWhole = opened.size === undefined || opened.size === size;
    if (digest !== undefined && size !== undefined && isWhole) return { ...opened, size, digest };
    opened.stream.destroy();
    throw this.#faulty(path, isWhole ? 'without a digest and size of it' : 'with another size than it has');
  }

  async vouchFor(path: string, signal: AbortSignal): Promise<{ bytes: number; hex: string } | undefined> {
    const heads = await headsOf(await this.#urlOf(path, signal), this.#accessTo(path), signal);
    const { digest, size } = factsIn(heads, this.#endpoint);
    return digest?.kind === 'sha256' && size !== undefined ? { bytes: size, hex: digest.hex } : undefined;
  }

  close(): void {
    this.#client.close();
  }

  async #urlOf(path: string, signal: AbortSignal): Promise<URL> {
    const commit = this.#commit ?? (await this.#resolve(signal));
    // Of several that ask at once the first decides for all.
    this.#commit ??= commit;
    return this.#at(`${this.#address.repository}/resolve/${this.#commit}/${encoded(path)}`);
  }

  async #resolve(signal: AbortSignal): Promise<string> {
    const { repository, revision } = this.#address;
    const url = this.#at(`api/models/${repository}/revision/${encodeURIComponent(revision)}?expand=sha`);
    const body = await readShort(await openUrl(url, this.#accessTo(undefined), signal), MAX_REVISION_BYTES);
    const commit = commitIn(body.toString('utf8'));
    if (commit === undefined) throw this.#faulty(undefined, 'without the commit of it');
    return commit;
  }

  #at(path: string): URL {
    return new URL(`${this.#endpoint.href.replace(/[?#].*$/, '').replace(/\/*$/, '')}/${path}`);
  }

  #accessTo(path: string | undefined): HttpAccess {
    const { repository, revision } = this.#address;
    const hasToken = this.#token !== undefined;
    const request = { endpoint: this.#endpoint, repository, revision, path, hasToken };
    return {
      client: this.#client,
      authorization: hasToken ? `Bearer ${this.#token}` : undefined,
      failureOf: (response, url) => hubFailure(request, response, url),
    };
  }

  #faulty(path: string | undefined, how: string): SourceFailure {
    const { repository, revision } = this.#address;
    const what = path === undefined ? '' : `file ${path} of `;
    return new SourceFailure(
      'permanent',
      `${this.#endpoint.host} answered for ${what}revision ${revision} of ${repository} ${how}; check that HF_ENDPOINT is a Hub`,
    );
  }
}

/**
 * A model on the Hugging Face Hub, by its HTTP API: the revision is resolved to a commit once, and every file is of
 * that. Throws CONFIG_INVALID when the URI or the endpoint is wrong.
 */
export function createHubSource(uri: string, { token, endpoint }: HubSourceOptions = {}): ModelSource {
  const address = parseHubAddress(uri);
  const { repository, revision, folder, entry } = address;
  const hub = parseEndpoint(endpoint ?? PUBLIC_HUB);
  const reader = new HubReader(hub, address, token);
  const shown = `hf://${repository}${revision === 'main' ? '' : `@${revision}`}/${folder}`;
  return {
    description: `${shown}${entry ?? ''}`,
    identity: `${shown}${entry ?? ''} at ${hub.origin}${hub.pathname}`,
    isImmutable: COMMIT.test(revision),
    entry,
    localDirectory: undefined,
    locate: (name) => shown + name,
    open: async (name, signal, from) => reader.open(pathIn(folder, name), signal, from),
    vouchFor: async (name, signal) => reader.vouchFor(pathIn(folder, name), signal),
    close: () => reader.close(),
  };
}
