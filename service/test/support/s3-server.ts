import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The only key pair that s3rver knows. */
export const S3_TEST_KEY = 'S3RVER';

interface S3rver {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
}
type S3rverConstructor = new (options: {
  address: string;
  port: number;
  silent: boolean;
  directory: string;
  configureBuckets: { name: string }[];
}) => S3rver;

/** s3rver ships no types; this is as much of it as is used. */
const S3rver: S3rverConstructor = createRequire(import.meta.url)('s3rver');

export interface S3TestServer {
  /** `http://127.0.0.1:<port>`; addressed by path. */
  readonly endpoint: string;
  /** Stores bytes under a key, slashes included. */
  put(bucket: string, key: string, data: Uint8Array | string): Promise<void>;
  close(): Promise<void>;
}

async function put(endpoint: string, bucket: string, key: string, data: Uint8Array | string): Promise<void> {
  const path = key.split('/').map(encodeURIComponent).join('/');
  const body = typeof data === 'string' ? data : new Uint8Array(data);
  const response = await fetch(`${endpoint}/${bucket}/${path}`, { method: 'PUT', body });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`the test S3 server answered ${response.status} to a PUT of ${key}`);
}

/**
 * Starts s3rver on a free port, with its data in a folder of its own. It is a weak S3, good for reading alone:
 * it does not verify version 4 signatures (any secret will do, only the access key is looked at), and it corrupts
 * uploads that the SDK streams with its default checksums, which is why `put` sends plain bytes, unsigned.
 * What a strict server refuses is tested by `s3.strict.test.ts`.
 */
export async function startS3Server(buckets: readonly string[]): Promise<S3TestServer> {
  const directory = await mkdtemp(join(tmpdir(), 's3rver-'));
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory,
    configureBuckets: buckets.map((name) => ({ name })),
  });
  const { port } = await server.run();
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    endpoint,
    put: (bucket, key, data) => put(endpoint, bucket, key, data),
    close: async () => {
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export interface ScriptedServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts an HTTP server that answers as it is told: for the faults that no well-behaved server plays. */
export async function startScriptedServer(listener: RequestListener): Promise<ScriptedServer> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
