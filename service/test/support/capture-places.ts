import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { temporaryFolder } from './models.js';
import { S3_TEST_KEY, startS3Server } from './s3-server.js';

/** Where captures are, and what is there; gone when the test ends. */
export interface CapturePlace {
  readonly environment: Readonly<Record<string, string>>;
  /** Of all files, sorted. */
  names(): Promise<string[]>;
  read(name: string): Promise<Buffer>;
}

export async function captureFolder(): Promise<CapturePlace> {
  const path = await temporaryFolder();
  return {
    environment: { CAPTURE_TO: path },
    names: async () => {
      const entries = await readdir(path, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile());
      return files.map(({ parentPath, name }) => relative(path, join(parentPath, name))).sort();
    },
    read: (name) => readFile(join(path, name)),
  };
}

export async function captureBucket(): Promise<CapturePlace> {
  const server = await startS3Server(['captures']);
  vi.stubEnv('AWS_ACCESS_KEY_ID', S3_TEST_KEY);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', S3_TEST_KEY);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await server.close();
  });
  return {
    environment: { CAPTURE_TO: 's3://captures/of/shop', AWS_ENDPOINT_URL_S3: server.endpoint },
    names: async () => {
      const list = await (await fetch(`${server.endpoint}/captures?prefix=of/shop/`)).text();
      return [...list.matchAll(/<Key>of\/shop\/(.*?)<\/Key>/g)].map(([, key = '']) => key).sort();
    },
    read: async (name) => {
      const path = `of/shop/${name}`.split('/').map(encodeURIComponent).join('/');
      return Buffer.from(await (await fetch(`${server.endpoint}/captures/${path}`)).arrayBuffer());
    },
  };
}
