import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { plainPng } from '../../test/support/images.js';
import { meanColourModel, temporaryFolder } from '../../test/support/models.js';
import { encodeOnnx } from '../../test/support/onnx.js';
import { inspectCommand } from '../inspect.js';

async function run(...args: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const env = { WORKERS: '1', DECODE_CONCURRENCY: '1' };
  const { signal } = new AbortController();
  const code = await inspectCommand.run(args, { env, stdout, stderr, signal });
  stdout.end();
  stderr.end();
  return { code, stdout: await text(stdout), stderr: await text(stderr) };
}

/** What follows the sentence that announces an answer. */
const jsonIn = (output: string) =>
  JSON.parse(output.slice(output.indexOf('\n{')).replace(/\nwritten: .*/s, ''));

async function colours(): Promise<string> {
  const folder = await temporaryFolder();
  const metadata = { task: 'classify', stride: '1', names: "['red', 'green', 'blue']", imgsz: '[4, 4]' };
  await writeFile(join(folder, 'best.onnx'), encodeOnnx({ ...meanColourModel(), metadata }));
  return folder;
}

describe('inspect', () => {
  it('shows each value with its origin, the shapes, and an answer made up; writes what means the same, once', async () => {
    const folder = await colours();
    const { code, stdout } = await run(folder, '--write');
    expect(code).toBe(0);
    expect(stdout).toMatch(/output\.labels +red, green, blue +metadata in the ONNX file/);
    expect(stdout).toMatch(/input\.width +4 +metadata/);
    expect(stdout).toContain('image float32 [-1, 3, 4, 4]');
    expect(jsonIn(stdout)).toEqual({
      predictions: [{ label: 'red', class_id: 0, score: expect.any(Number) }],
    });
    const written = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8'));
    expect(written).toMatchObject({ task: 'classification', output: { labels: ['red', 'green', 'blue'] } });
    await expect(run(folder, '--write')).rejects.toMatchObject({ name: 'CannotGoOn' });
  });

  it('answers an image as the service does, before and after its model.json was written', async () => {
    const folder = await colours();
    const image = join(folder, 'red.png');
    await writeFile(image, await plainPng({ r: 255, g: 51, b: 0 }));
    const derived = await run(folder, image, '--write');
    expect(jsonIn(derived.stdout).predictions).toEqual([
      { label: 'red', class_id: 0, score: 1 },
      { label: 'green', class_id: 1, score: expect.closeTo(0.2, 5) },
      { label: 'blue', class_id: 2, score: 0 },
    ]);
    expect(derived.stderr).toBe('');
    const written = await run(folder, image);
    expect(jsonIn(written.stdout)).toEqual(jsonIn(derived.stdout));
    expect(written.stdout).toMatch(/task +classification +model\.json/);
  });

  it.each([[[]], [['s3://models/x', '--write']], [['a', 'b', 'c']], [['a', '--overwrite']]])(
    'does not understand %j',
    async (args) => {
      await expect(run(...args)).rejects.toMatchObject({ name: 'UsageError' });
    },
  );

  it('ends without a model or an image that can be read', async () => {
    await expect(run(join(await temporaryFolder(), 'none'))).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
    });
    await expect(run(await colours(), '/no/such/image')).rejects.toMatchObject({ name: 'CannotGoOn' });
  });
});
