import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSource } from './open-source.js';

describe('openSource', () => {
  it.each([
    '',
    '  ',
    'hf://owner',
    'gs://bucket/model.onnx',
    'ftp://host/model.onnx',
    'constructor://x',
    's3://',
    's3:///key',
    'file://host/x',
    'http://',
    'models:/digits@champion',
  ])('rejects with CONFIG_INVALID for %j', async (uri) => {
    await expect(openSource(uri)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('names every allowed scheme to whoever used another', async () => {
    const failure: Error = await openSource('gs://bucket/model.onnx').then(
      () => expect.fail(),
      (thrown) => thrown,
    );
    for (const scheme of ['file://', 's3://', 'http://', 'https://', 'hf://', 'models://'])
      expect(failure.message).toContain(scheme);
  });

  it('does not repeat the credentials of a URI it refuses', async () => {
    const failure: Error = await openSource('https://user:hunter2@').then(
      () => expect.fail(),
      (thrown) => thrown,
    );
    expect(failure.message).not.toContain('hunter2');
  });
});

describe('the file source', () => {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'file source-'));
    await writeFile(join(directory, 'model.onnx'), 'bytes');
    execFileSync('mkfifo', [join(directory, 'pipe.onnx')]);
  });

  afterAll(() => rm(directory, { recursive: true }));

  it('takes file URIs, percent signs decoded, and schemes in capitals', async () => {
    const { href } = pathToFileURL(join(directory, 'model.onnx'));
    expect(href).toContain('%20');
    for (const uri of [href, href.replace('file:', 'FILE:')]) {
      expect(await openSource(uri)).toMatchObject({ entry: 'model.onnx', localDirectory: directory });
    }
  });

  it('rejects with MODEL_NOT_FOUND for a path that does not exist', async () => {
    await expect(openSource(join(directory, 'no', 'model.onnx'))).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
    });
    await expect(openSource(join(directory, 'model.onnx', 'x'))).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
    });
  });

  it('rejects with MODEL_UNAVAILABLE for what is no regular file, instead of waiting on it', async () => {
    const source = await openSource(join(directory, 'pipe.onnx'));
    await expect(source.open('pipe.onnx', new AbortController().signal)).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      kind: 'permanent',
    });
  });
});
