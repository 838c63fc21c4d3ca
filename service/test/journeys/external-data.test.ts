import { createHash } from 'node:crypto';
import { chmod, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startApp } from '../support/app.js';
import { plainPng } from '../support/images.js';
import { MEAN_COLOUR_MANIFEST, temporaryFolder, writeModelFolder } from '../support/models.js';
import { encodeOnnx, type OnnxModel } from '../support/onnx.js';
import { startScriptedServer } from '../support/s3-server.js';

const OFFSETS = new Float32Array([1, 2, 3]);
const DATA = Buffer.from(OFFSETS.buffer);
const FILE = 'model.onnx.data';

/** The means of the three channels, each raised by a weight that lies in another file. */
const model: OnnxModel = {
  inputs: [{ name: 'image', shape: ['batch', 3, 4, 4] }],
  outputs: [{ name: 'scores', shape: ['batch', 3] }],
  constants: [{ name: 'offsets', shape: [3], data: OFFSETS, externalFile: FILE }],
  nodes: [
    { op: 'ReduceMean', inputs: ['image'], outputs: ['means'], attributes: { axes: [2, 3], keepdims: 0 } },
    { op: 'Add', inputs: ['means', 'offsets'], outputs: ['scores'] },
  ],
};
const hexOf = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
const lineOf = (name: string, data: Uint8Array): string => `${hexOf(data)} ${data.byteLength} ${name}\n`;
const sha256 = `sha256-files:${hexOf(lineOf('model.onnx', encodeOnnx(model)) + lineOf(FILE, DATA))}`;
const manifest = { ...MEAN_COLOUR_MANIFEST, sha256, external_data: [FILE] };

async function served(folder: string): Promise<string> {
  const { url, close } = await startScriptedServer((request, response) => {
    readFile(join(folder, request.url ?? '')).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  onTestFinished(close);
  return url;
}

/** The scores of a black image, best first. */
async function scoresOf(modelUri: string, cacheDir?: string): Promise<number[]> {
  const app = await startApp({
    WORKERS: '1',
    MODEL_URI: modelUri,
    MODEL_CACHE_DIR: cacheDir ?? (await temporaryFolder()),
  });
  const payload = await plainPng({ r: 0, g: 0, b: 0 });
  const answer = await app.server.inject({
    method: 'POST',
    url: '/predict',
    payload,
    headers: { 'content-type': 'image/png' },
  });
  return answer.json().predictions.map(({ score }: { score: number }) => score);
}

describe('a model whose weights lie in another file', () => {
  it('serves from a folder and from afar', async () => {
    const folder = await writeModelFolder(model, manifest, undefined, { [FILE]: DATA });
    expect(await scoresOf(folder)).toEqual([3, 2, 1]);
    expect(await scoresOf(await served(folder))).toEqual([3, 2, 1]);
  });

  it.each([0o777, 0o2775])('serves from a volume that others may write, of mode %o', async (mode) => {
    const folder = await writeModelFolder(model, manifest, undefined, { [FILE]: DATA });
    const volume = await temporaryFolder();
    await chmod(volume, mode);
    expect(await scoresOf(await served(folder), volume)).toEqual([3, 2, 1]);
  });

  it('is refused where its manifest does not name that file, and says how to', async () => {
    const { external_data: _, sha256: __, ...silent } = manifest;
    const folder = await writeModelFolder(model, { ...silent, sha256: undefined }, undefined, {
      [FILE]: DATA,
    });
    await expect(scoresOf(await served(folder))).rejects.toMatchObject({
      code: 'MODEL_INCOMPATIBLE',
      message: expect.stringContaining('external_data'),
    });
    await rm(join(folder, FILE));
    await expect(scoresOf(folder)).rejects.toMatchObject({ code: 'MODEL_INCOMPATIBLE' });
  });
});
