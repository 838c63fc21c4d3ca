import type { IncomingMessage } from 'node:http';
import { ServiceError } from '../../errors.js';
import { authorizationOf, createHttpSource } from './http.js';
import { HttpClient } from './http-client.js';
import { type HttpAccess, openUrl, statusFailure } from './http-object.js';
import { type MlflowAddress, parseMlflowAddress } from './mlflow-address.js';
import { createS3Source, type S3SourceOptions } from './s3.js';
import { readShort } from './short-answer.js';
import { type Continuation, type ModelSource, type OpenedObject, pathIn } from './source.js';
import { SourceFailure } from './source-failure.js';

export interface MlflowSourceOptions {
  /** Of the server; user and password in it are sent as basic authentication. */
  readonly trackingUri?: string | undefined;
  /** Sent as `Authorization: Bearer`, to the server alone. */
  readonly token?: string | undefined;
}

/** A version with all its tags. */
const MAX_ANSWER_BYTES = 1024 * 1024;
const API = 'api/2.0/mlflow';
const SHA256 = /^[0-9a-f]{64}$/;
const MANIFEST = 'model.json';
/** The server hands out the files itself: `mlflow-artifacts:/path`, with or without its own host. */
const PROXIED = /^mlflow-artifacts:\/(?:\/[^/]*\/)?(.+)$/;

function parseTrackingUri(uri: string | undefined): URL {
  if (uri !== undefined && URL.canParse(uri) && /^https?:$/.test(new URL(uri).protocol)) return new URL(uri);
  throw new ServiceError(
    'CONFIG_INVALID',
    'a model from models:/ needs MLFLOW_TRACKING_URI, the http(s) address of an MLflow server',
  );
}

/** A version of the registry, as far as it matters here. */
interface Version {
  readonly version: string;
  /** SHA-256 of its model.json, where whoever registered it has said so. */
  readonly manifestHex: string | undefined;
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

function versionIn(answer: Readonly<Record<string, unknown>>): Version | undefined {
  const { version, tags } = Object(answer['model_version']);
  if (!/^\d+$/.test(String(version))) return undefined;
  const list: readonly unknown[] = Array.isArray(tags) ? tags : [];
  const tag = list.map(Object).find(({ key }) => key === 'manifest_sha256');
  return { version: String(version), manifestHex: SHA256.test(tag?.value) ? tag?.value : undefined };
}

/** Where the files of a version are, and what they are held to. */
interface Resolved extends Version {
  readonly files: Pick<ModelSource, 'open' | 'close'>;
}

/** Reads the files of one version of one registered model. */
class RegistryReader {
  readonly #server: URL;
  readonly #address: MlflowAddress;
  readonly #access: HttpAccess;
  readonly #s3: S3SourceOptions | undefined;
  /** What the alias was when it was first asked for: all files are of one version. */
  #resolved: Resolved | undefined;

  constructor(server: URL, address: MlflowAddress, token: string | undefined, s3?: S3SourceOptions) {
    this.#address = address;
    this.#s3 = s3;
    this.#access = { client: new HttpClient(), authorization: authorizationOf(server, token) };
    this.#server = new URL(server);
    this.#server.username = '';
    this.#server.password = '';
  }

  async open(name: string, signal: AbortSignal, from?: Continuation): Promise<OpenedObject> {
    const resolved = this.#resolved ?? (await this.#resolve(signal));
    // Of several that ask at once the first decides for all.
    this.#resolved ??= resolved;
    const { files, manifestHex } = this.#resolved;
    const opened = await files.open(name, signal, from);
    if (name !== MANIFEST || manifestHex === undefined) return opened;
    return { ...opened, digest: { kind: 'sha256', hex: manifestHex } };
  }

  close(): void {
    this.#resolved?.files.close();
    this.#access.client.close();
  }

  async #resolve(signal: AbortSignal): Promise<Resolved> {
    const version = await this.#version(signal);
    const query = { name: this.#address.name, version: version.version };
    const { artifact_uri: place } = await this.#ask('model-versions/get-download-uri', query, signal);
    if (typeof place !== 'string') throw this.#faulty('without the place of its files');
    return { ...version, files: await this.#filesAt(place) };
  }

  async #version(signal: AbortSignal): Promise<Version> {
    const { name, alias, version } = this.#address;
    const answer =
      alias === undefined
        ? await this.#ask('model-versions/get', { name, version: version ?? '' }, signal)
        : await this.#ask('registered-models/alias', { name, alias }, signal);
    const found = versionIn(answer);
    if (found === undefined) throw this.#faulty('without a version');
    return found;
  }

  async #ask(
    question: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>>> {
    const url = this.#at(`${API}/${question}?${new URLSearchParams(query)}`);
    const failureOf = (response: IncomingMessage, at: URL) => this.#failure(response, at);
    const opened = await openUrl(url, { ...this.#access, failureOf }, signal);
    return objectIn((await readShort(opened, MAX_ANSWER_BYTES)).toString('utf8'));
  }

  async #filesAt(place: string): Promise<Pick<ModelSource, 'open' | 'close'>> {
    const [, path] = PROXIED.exec(place) ?? [];
    const folder = `${place.replace(/\/*$/, '')}/`;
    if (path !== undefined) return this.#proxied(`${path.replace(/\/*$/, '')}/`);
    if (/^s3:/i.test(place)) return createS3Source(folder, this.#s3);
    if (/^https?:/i.test(place)) return createHttpSource(folder);
    const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(place)?.[0] ?? 'a path';
    throw new SourceFailure(
      'permanent',
      `${this.#server.host} keeps the files of ${this.#shown()} where they cannot be read from here (${scheme}); start MLflow with --serve-artifacts, or with an artifact root on S3`,
    );
  }

  #proxied(folder: string): Pick<ModelSource, 'open' | 'close'> {
    const encoded = (path: string) => path.split('/').map(encodeURIComponent).join('/');
    const urlOf = (name: string) =>
      this.#at(`api/2.0/mlflow-artifacts/artifacts/${encoded(pathIn(folder, name))}`);
    return {
      open: async (name, signal, from) => openUrl(urlOf(name), this.#access, signal, from),
      close: () => {},
    };
  }

  #at(path: string): URL {
    return new URL(`${this.#server.href.replace(/[?#].*$/, '').replace(/\/*$/, '')}/${path}`);
  }

  #shown(): string {
    const { name, alias, version } = this.#address;
    return alias === undefined ? `version ${version} of ${name}` : `${name}@${alias}`;
  }

  /** MLflow says 404 for a model or version that it has not, and 400 for an alias. */
  #failure(response: IncomingMessage, url: URL): SourceFailure {
    if (response.statusCode !== 404 && response.statusCode !== 400) return statusFailure(response, url);
    const what = `the registry at ${this.#server.host} has no ${this.#shown()}; check the name, the alias and MLFLOW_TRACKING_URI`;
    return new SourceFailure('missing', what, { isBucket: true });
  }

  #faulty(how: string): SourceFailure {
    return new SourceFailure(
      'permanent',
      `${this.#server.host} answered for ${this.#shown()} ${how}; check that MLFLOW_TRACKING_URI is an MLflow server`,
    );
  }
}

/**
 * A model of MLflow's registry, by its REST API: the alias is resolved to a version once, and every file is of that.
 * Throws CONFIG_INVALID when the URI or the server's address is wrong.
 */
export function createMlflowSource(
  uri: string,
  { trackingUri, token }: MlflowSourceOptions = {},
  s3?: S3SourceOptions,
): ModelSource {
  const address = parseMlflowAddress(uri);
  const server = parseTrackingUri(trackingUri);
  const reader = new RegistryReader(server, address, token, s3);
  const { name, alias, version } = address;
  const shown = `models:/${name}${alias === undefined ? `/${version}` : `@${alias}`}`;
  return {
    description: shown,
    identity: `${shown} at ${server.origin}${server.pathname}`,
    entry: undefined,
    localDirectory: undefined,
    locate: (file) => `${shown}/${file}`,
    open: (file, signal, from) => reader.open(file, signal, from),
    close: () => reader.close(),
  };
}
