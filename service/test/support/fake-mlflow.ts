import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { startScriptedServer } from './s3-server.js';

const ARTIFACTS = '/api/2.0/mlflow-artifacts/artifacts/';
const FOLDER = '0/run/artifacts/model';

/** Answers in place of the server where it says true. */
export type MlflowFault = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * An MLflow server with one registered model, `digits`, whose version 3 has the alias `champion`: the answers have the
 * shape of those that MLflow 3.17 gave, and it hands out the files itself.
 */
export class FakeMlflow {
  readonly requests: { readonly path: string; readonly authorization: string | undefined }[] = [];
  fault: MlflowFault | undefined;
  /** Where the files are said to be. */
  place = `mlflow-artifacts:/${FOLDER}`;
  alias = '3';
  readonly url: string;
  readonly close: () => Promise<void>;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.close = close;
  }

  static async start(files: Readonly<Record<string, string | Uint8Array>>): Promise<FakeMlflow> {
    let mlflow: FakeMlflow | undefined;
    const server = await startScriptedServer((request, response) => mlflow?.answer(files, request, response));
    mlflow = new FakeMlflow(server.url, server.close);
    return mlflow;
  }

  answer(
    files: Readonly<Record<string, string | Uint8Array>>,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const url = new URL(request.url ?? '', this.url);
    this.requests.push({ path: url.pathname, authorization: request.headers.authorization });
    if (this.fault?.(request, response)) return;
    const [, file] = url.pathname.split(ARTIFACTS);
    if (file !== undefined) {
      const name = decodeURIComponent(file).replace(`${FOLDER}/`, '');
      const data = files[name];
      response.writeHead(data === undefined ? 404 : 200).end(data);
      return;
    }
    const { status, body } = this.#registry(url, files);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  #registry(url: URL, files: Readonly<Record<string, string | Uint8Array>>) {
    const asked = Object.fromEntries(url.searchParams);
    if (asked['name'] !== 'digits')
      return { status: 404, body: { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'not found' } };
    if (url.pathname.endsWith('get-download-uri')) return { status: 200, body: { artifact_uri: this.place } };
    const isAlias = url.pathname.endsWith('registered-models/alias');
    if (isAlias && asked['alias'] !== 'champion')
      return { status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE', message: 'alias not found' } };
    const version = isAlias ? this.alias : asked['version'];
    const manifest = files['model.json'] ?? '';
    const tags = [
      { key: 'manifest_sha256', value: createHash('sha256').update(manifest).digest('hex') },
      { key: 'model_version', value: '1.0.0' },
    ];
    return {
      status: 200,
      body: { model_version: { name: 'digits', version, status: 'READY', source: this.place, tags } },
    };
  }
}
