import { once } from 'node:events';
import { mkdir, readFile, watch, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { beforeAll, describe, expect, it } from 'vitest';
import { startApp } from '../../test/support/app.js';
import { plainJpeg, plainPng } from '../../test/support/images.js';
import {
  MEAN_COLOUR_MANIFEST,
  meanColourModel,
  slowModel,
  temporaryFolder,
  writeModelFolder,
} from '../../test/support/models.js';
import { runTyped } from '../../test/support/terminal.js';

type Line = Readonly<Record<string, unknown>> & { readonly file: string };

const linesOf = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
const byFile = (lines: readonly Line[]): Line[] => [...lines].sort((a, b) => (a.file < b.file ? -1 : 1));

const images = new Map<string, Buffer>();
beforeAll(async () => {
  images.set('a/red.png', await plainPng({ r: 255, g: 0, b: 0 }));
  images.set('a/green "1",\n.jpg', await plainJpeg({ r: 0, g: 255, b: 0 }, 40, 30, 85));
  images.set('b/broken.jpg', (await plainJpeg({ r: 0, g: 0, b: 255 }, 40, 30, 85)).subarray(0, 100));
  images.set('b/empty.png', Buffer.alloc(0));
  images.set('b/large.webp', Buffer.alloc(5000));
  images.set('b/text.jpeg', Buffer.from('<html>'));
});

/** A folder with these images, all of them where none are given. */
async function photos(given: ReadonlyMap<string, Buffer> = images): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, bytes] of given) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
  return folder;
}

describe('cv-inference predict', () => {
  it('answers as POST /predict and POST /predict/batch do, each image and each fault', async () => {
    const model = await writeModelFolder(meanColourModel());
    const env = { MAX_IMAGE_BYTES: '4000' };
    const folder = await photos();
    const { code, stdout, stderr } = await runTyped(['predict', model, folder, '--top-k', '2'], { env });
    expect(code, stderr).toBe(1);
    const app = await startApp({ MODEL_URI: model, ...env });
    const wanted = await Promise.all(
      [...images].map(async ([name, payload]) => {
        const file = join(folder, name);
        const url = '/predict?top_k=2';
        const headers = { 'content-type': 'application/octet-stream' };
        const answer = (await app.server.inject({ method: 'POST', url, headers, payload })).json();
        const { model: reference, task, image, predictions, status, title, detail } = answer;
        if (image !== undefined)
          return { file, model: reference, task, parameters: { top_k: 2 }, image, predictions };
        return { file, error: { code: answer.code, status, title, detail } };
      }),
    );
    const given = byFile(linesOf(stdout));
    expect(given).toHaveLength(6);
    for (const [index, line] of byFile(wanted).entries()) {
      const isSame = line['error'] === undefined || !/empty|large/.test(line.file);
      expect(given[index]).toMatchObject(isSame ? line : { file: line.file });
    }
    const codes = given.map(({ error }) => (error as { code?: string } | undefined)?.code);
    expect(codes).toEqual([
      undefined,
      undefined,
      'IMAGE_UNDECODABLE',
      'IMAGE_UNDECODABLE',
      'IMAGE_TOO_LARGE',
      'IMAGE_TYPE_UNSUPPORTED',
    ]);
  });

  it('goes on where an earlier run was stopped, answers what was begun, and loses and doubles nothing', async () => {
    const model = await writeModelFolder(slowModel(300, 8), MEAN_COLOUR_MANIFEST);
    const png = await plainPng({ r: 10, g: 20, b: 30 });
    const names = Array.from({ length: 60 }, (_, index) => `${index}.png`);
    const folder = await photos(new Map(names.map((name) => [name, png])));
    const out = join(await temporaryFolder(), 'answers.jsonl');
    await writeFile(out, '');
    const stop = new AbortController();
    const first = runTyped(['predict', model, folder, '--out', out], { signal: stop.signal });
    for await (const _ of watch(out)) break;
    stop.abort();
    const { code, stderr } = await first;
    expect(code, stderr).toBe(130);
    expect(stderr).toContain(`--out ${out}`);
    const before = linesOf(await readFile(out, 'utf8')).length;
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(60);
    expect(await runTyped(['predict', model, folder, '--out', out])).toMatchObject({ code: 0, stdout: '' });
    const files = linesOf(await readFile(out, 'utf8')).map(({ file }) => file);
    expect(files.sort()).toEqual(names.map((name) => join(folder, name)).sort());
  });

  it('counts what failed in an earlier run, unless failures are ignored', async () => {
    const args = ['predict', await writeModelFolder(meanColourModel()), await photos()];
    const out = ['--out', join(await temporaryFolder(), 'answers.csv')];
    expect((await runTyped([...args, ...out, '--ignore-failed'])).code).toBe(0);
    expect((await runTyped([...args, ...out])).code).toBe(1);
  });

  it('ends quietly when nobody reads its answers any more', async () => {
    const model = await writeModelFolder(slowModel(300, 8), MEAN_COLOUR_MANIFEST);
    const png = await plainPng({ r: 10, g: 20, b: 30 });
    const folder = await photos(new Map(Array.from({ length: 60 }, (_, index) => [`${index}.png`, png])));
    const stdout = new PassThrough();
    const end = runTyped(['predict', model, folder], { stdout });
    await once(stdout, 'data');
    stdout.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    expect(await end).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it.each([
    ['there is no such model', async () => 'nothing'],
    ['the model is none', async () => join(await photos(), 'b/text.jpeg')],
  ])('ends with 3 where %s', async (_, model) => {
    const { code, stdout, stderr } = await runTyped(['predict', await model(), await photos()]);
    expect({ code, stdout }, stderr).toEqual({ code: 3, stdout: '' });
  });

  it('ends with 3 where a setting is wrong', async () => {
    const env = { WORKERS: 'many' };
    expect((await runTyped(['predict', 'digits', await photos()], { env })).code).toBe(3);
  });
});
