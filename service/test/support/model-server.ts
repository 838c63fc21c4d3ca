import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { encodeOnnx, type OnnxModel } from './onnx.js';

export interface StallingModelServer {
  /** What MODEL_URI names. */
  readonly url: string;
  /** Resolves once the model has been asked for and half of it was sent. */
  readonly asked: Promise<void>;
  /** Sends the rest. */
  release(): void;
}

/** Serves one ONNX file over HTTP and stops in the middle of it. */
export async function startStallingModelServer(
  model: OnnxModel,
  manifest: object,
): Promise<StallingModelServer> {
  const bytes = encodeOnnx(model);
  const half = bytes.length >> 1;
  let waiting: ServerResponse | undefined;
  let onAsked: (() => void) | undefined;
  const asked = new Promise<void>((resolve) => {
    onAsked = resolve;
  });
  const server = createServer((request, response) => {
    if (request.url === '/model/model.json') return void response.end(JSON.stringify(manifest));
    if (request.url !== '/model/model.onnx') return void response.writeHead(404).end();
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, half), () => onAsked?.());
    waiting = response;
  });
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/model/`,
    asked,
    release: () => void waiting?.end(bytes.subarray(half)),
  };
}
