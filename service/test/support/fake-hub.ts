import { createHash } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { startScriptedServer } from './s3-server.js';

/** Answers instead of the Hub or its store where it says true. */
export type Fault = (request: IncomingMessage, response: ServerResponse, path: string) => boolean;

export interface HubRequest {
  readonly host: 'hub' | 'store';
  readonly method: string;
  /** As it came, still encoded. */
  readonly url: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
}

export interface FakeHubOptions {
  readonly repository?: string;
  /** Who does not send it is told what a Hub tells of private repositories. */
  readonly token?: string;
  /** Files are for those alone who have accepted the licence. */
  readonly isGated?: boolean;
  /** Whether small files are redirected to another path of the Hub, as the public one does, or answered at once. */
  readonly redirectsSmallFiles?: boolean;
}

type Files = Readonly<Record<string, string | Uint8Array>>;

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
const gitBlob = (data: Uint8Array): string =>
  createHash('sha1').update(`blob ${data.byteLength}\0`).update(data).digest('hex');
const isLarge = (path: string): boolean => /\.(onnx|bin|data)$/.test(path);

/**
 * A Hugging Face Hub with one repository, and the store on another host where its large files (LFS) are: by the API
 * that huggingface_hub uses. Each commit of it is a set of files; `main` is the last one.
 */
export class FakeHub {
  readonly requests: HubRequest[] = [];
  /** What a fault does before anyone answers; undefined: nothing. */
  hubFault: Fault | undefined;
  storeFault: Fault | undefined;
  readonly #options: FakeHubOptions;
  readonly #commits = new Map<string, ReadonlyMap<string, Buffer>>();
  readonly #revisions = new Map<string, string>();
  #hub = { url: '', close: async (): Promise<void> => {} };
  #store = { url: '', close: async (): Promise<void> => {} };

  private constructor(options: FakeHubOptions) {
    this.#options = options;
  }

  static async start(files: Files = {}, options: FakeHubOptions = {}): Promise<FakeHub> {
    const hub = new FakeHub(options);
    hub.#hub = await startScriptedServer(hub.#listener('hub', (...args) => hub.#answerAsHub(...args)));
    hub.#store = await startScriptedServer(hub.#listener('store', (...args) => hub.#answerAsStore(...args)));
    hub.commit(files);
    return hub;
  }

  get endpoint(): string {
    return this.#hub.url;
  }

  get storeUrl(): string {
    return this.#store.url;
  }

  get repository(): string {
    return this.#options.repository ?? 'acme/digits';
  }

  /** What was asked, without the query of signed links: `GET hub /acme/digits/resolve/...`. */
  get asked(): string[] {
    return this.requests.map(({ method, host, url }) => `${method} ${host} ${url.replace(/\?.*/, '')}`);
  }

  /** Puts these files, and no others, on a revision. Returns the commit. */
  commit(files: Files, revision = 'main'): string {
    const content = new Map(Object.entries(files).map(([path, data]) => [path, Buffer.from(data)]));
    const commit = createHash('sha1')
      .update(JSON.stringify([...content]))
      .digest('hex');
    this.#commits.set(commit, content);
    this.#revisions.set(revision, commit);
    return commit;
  }

  async close(): Promise<void> {
    await Promise.all([this.#hub.close(), this.#store.close()]);
  }

  #listener(host: HubRequest['host'], answer: (...args: Parameters<Fault>) => unknown): RequestListener {
    return (request, response) => {
      const { authorization, range, 'if-range': ifRange } = request.headers;
      const { method = '', url = '' } = request;
      this.requests.push({ host, method, url, authorization, range, ifRange: ifRange?.toString() });
      const path = decodeURIComponent(new URL(url, 'http://hub').pathname);
      const fault = host === 'hub' ? this.hubFault : this.storeFault;
      if (fault?.(request, response, path) !== true) answer(request, response, path);
    };
  }

  #answerAsHub(request: IncomingMessage, response: ServerResponse, path: string): ServerResponse {
    const { token } = this.#options;
    const isKnown = token === undefined || request.headers.authorization === `Bearer ${token}`;
    if (!isKnown) {
      const hasToken = request.headers.authorization !== undefined;
      const message = hasToken
        ? 'Invalid credentials in Authorization header'
        : 'Invalid username or password.';
      return refuse(response, 401, undefined, message);
    }
    const api = `/api/models/${this.repository}/revision/`;
    const files = `/${this.repository}/resolve/`;
    const cached = `/api/resolve-cache/models/${this.repository}/`;
    if (path.startsWith(api)) return this.#answerRevision(response, path.slice(api.length));
    if (path.startsWith(files)) return this.#answerFile(request, response, path.slice(files.length));
    if (path.startsWith(cached)) return this.#answerSmall(request, response, path.slice(cached.length));
    return refuse(response, token === undefined ? 401 : 404, 'RepoNotFound', 'Repository not found');
  }

  #answerRevision(response: ServerResponse, revision: string): ServerResponse {
    const commit = this.#commitOf(revision);
    if (commit === undefined) return refuse(response, 404, 'RevisionNotFound', 'Invalid rev id');
    const body = JSON.stringify({ _id: '6', id: this.repository, sha: commit });
    return response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(body);
  }

  #answerFile(request: IncomingMessage, response: ServerResponse, location: string): ServerResponse {
    const slash = location.indexOf('/');
    const commit = this.#commitOf(location.slice(0, slash));
    const path = location.slice(slash + 1);
    if (commit === undefined) return refuse(response, 404, 'RevisionNotFound', 'Invalid rev id');
    if (this.#options.isGated === true) return refuse(response, 403, 'GatedRepo', 'Access is restricted.');
    const data = this.#commits.get(commit)?.get(path);
    if (data === undefined) return refuse(response, 404, 'EntryNotFound', 'Entry not found', commit);
    const tag = isLarge(path) ? sha256(data) : gitBlob(data);
    const linked = { 'x-linked-size': data.byteLength, 'x-linked-etag': `"${tag}"`, 'x-repo-commit': commit };
    if (isLarge(path)) {
      const to = `${this.storeUrl}/lfs/${tag}?X-Amz-Signature=${createHash('md5').update(commit).digest('hex')}`;
      return redirect(response, 302, to, linked);
    }
    if (this.#options.redirectsSmallFiles === false) return this.#answerSmall(request, response, location);
    const cached = `/api/resolve-cache/models/${this.repository}/${commit}/${encodeURIComponent(path)}`;
    return redirect(response, 307, `${cached}?etag=${tag}`, linked);
  }

  #answerSmall(request: IncomingMessage, response: ServerResponse, location: string): ServerResponse {
    const slash = location.indexOf('/');
    const commit = this.#commitOf(location.slice(0, slash)) ?? '';
    const data = this.#commits.get(commit)?.get(location.slice(slash + 1));
    if (data === undefined) return refuse(response, 404, 'EntryNotFound', 'Entry not found');
    const type = { 'content-type': 'text/plain; charset=utf-8', 'x-repo-commit': commit };
    return send(request, response, data, { ...type, etag: `"${gitBlob(data)}"` });
  }

  #answerAsStore(request: IncomingMessage, response: ServerResponse, path: string): ServerResponse {
    if (request.headers.authorization !== undefined) return refuse(response, 400, undefined, 'one only');
    const all = [...this.#commits.values()].flatMap((files) => [...files.values()]);
    const data = all.find((candidate) => path === `/lfs/${sha256(candidate)}`);
    if (data === undefined) return response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
    // As a store for objects tags them: not by the digest of the content.
    return send(request, response, data, {
      etag: `"${createHash('md5').update(data).digest('hex')}"`,
      'content-type': 'binary/octet-stream',
    });
  }

  #commitOf(revision: string): string | undefined {
    return this.#revisions.get(revision) ?? (this.#commits.has(revision) ? revision : undefined);
  }
}

function refuse(
  response: ServerResponse,
  status: number,
  code: string | undefined,
  message: string,
  commit?: string,
): ServerResponse {
  response.writeHead(status, {
    ...(code !== undefined && { 'x-error-code': code }),
    ...(commit !== undefined && { 'x-repo-commit': commit }),
    'x-error-message': message,
    'content-type': 'application/json; charset=utf-8',
  });
  return response.end(JSON.stringify({ error: message }));
}

function redirect(
  response: ServerResponse,
  status: number,
  location: string,
  headers: object,
): ServerResponse {
  response.writeHead(status, { ...headers, location, 'accept-ranges': 'bytes' });
  return response.end(`Found. Redirecting to ${location}`);
}

/** Whole, or from where a range begins as long as the tag is the same. */
export function send(
  request: IncomingMessage,
  response: ServerResponse,
  data: Uint8Array,
  headers: Readonly<Record<string, string>>,
): ServerResponse {
  const { range, 'if-range': condition } = request.headers;
  const [, first] = /^bytes=(\d+)-$/.exec(range ?? '') ?? [];
  const isRange = first !== undefined && (condition === undefined || condition === headers['etag']);
  const body = isRange ? data.subarray(Number(first)) : data;
  response.writeHead(isRange ? 206 : 200, {
    ...headers,
    'accept-ranges': 'bytes',
    'content-length': body.byteLength,
    ...(isRange && { 'content-range': `bytes ${first}-${data.byteLength - 1}/${data.byteLength}` }),
  });
  return response.end(request.method === 'HEAD' ? undefined : body);
}
