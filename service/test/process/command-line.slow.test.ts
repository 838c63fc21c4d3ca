import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, watch, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { predict } from '../support/answers.js';
import { plainPng } from '../support/images.js';
import { temporaryFolder } from '../support/models.js';
import { installPacked, packCheckout } from '../support/packed.js';

const GOLDEN = join(import.meta.dirname, '../../models/digits/golden');
const IMAGES = 3000;

let folder: string;
let file: string;
let command: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cv-package-'));
  file = await packCheckout(folder);
  command = await installPacked(file, join(folder, 'installed'));
}, 180_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** As a person would type it, with a home that is not there. */
function start(args: readonly string[], cwd: string): ChildProcessWithoutNullStreams {
  const { PATH } = process.env;
  const env = { PATH, HOME: '/nonexistent' };
  const child = spawn(process.execPath, [command, ...args], { cwd, env });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function run(args: readonly string[], cwd: string) {
  const child = start(args, cwd);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}

/** A folder with many small images in it, and the names that answers have for them. */
async function manyImages(): Promise<{ cwd: string; names: string[] }> {
  const cwd = await temporaryFolder();
  const png = await plainPng({ r: 10, g: 20, b: 30 });
  const names = Array.from({ length: IMAGES }, (_, index) => `photos/${index % 10}/${index}.png`);
  for (const part of Array(10).keys()) await mkdir(join(cwd, `photos/${part}`), { recursive: true });
  for (const name of names) await writeFile(join(cwd, name), png);
  return { cwd, names };
}

async function answeredFiles(path: string): Promise<string[]> {
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  return lines.map((line) => (JSON.parse(line) as { file: string }).file).sort();
}

describe('the package', { timeout: 120_000 }, () => {
  it('is small, and has no tests, no benchmarks and no sources', () => {
    const names = execFileSync('tar', ['tzf', file], { encoding: 'utf8' }).trim().split('\n');
    expect(names.filter((name) => /test|bench|\.map$|\.ts$|\.py$/.test(name))).toEqual([]);
    for (const name of ['models/digits/model.onnx', 'playground/index.html'])
      expect(names).toContain(`package/service/${name}`);
    const bytes = execFileSync('tar', ['xzOf', file], { maxBuffer: 2 ** 28 }).length;
    expect(bytes).toBeLessThan(10e6);
  });

  it('is a command that a shell starts, and that helps at once', async () => {
    expect((await readFile(command, 'utf8')).startsWith('#!/usr/bin/env node\n')).toBe(true);
    expect(await run(['--help'], folder)).toMatchObject({ code: 0, stderr: '' });
    expect(await run(['nonsense'], folder)).toMatchObject({ code: 2, stdout: '' });
  });

  it('serves its default model from anywhere', async () => {
    const child = start(['--port', '0', '--host', '127.0.0.1'], await temporaryFolder());
    let url = '';
    for await (const line of createInterface({ input: child.stdout })) {
      const { msg, address } = JSON.parse(line) as { msg: string; address: string };
      if (msg === 'listening') url = address;
      if (msg === 'ready') break;
    }
    const answer = await predict(url, await readFile(join(GOLDEN, '7-blocks.png')));
    expect(JSON.parse(answer.text).predictions[0]).toMatchObject({ label: '7' });
    child.stdout.resume();
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([0, null]);
  });

  it('answers a folder, and says by its exit code that an image failed', async () => {
    const cwd = await temporaryFolder();
    await cp(GOLDEN, join(cwd, 'digits'), { recursive: true });
    await writeFile(join(cwd, 'digits/broken.png'), 'broken');
    const first = await run(['predict', 'digits', 'digits'], cwd);
    // A folder of this name is there, and it has no model.
    expect(first.code, first.stderr).toBe(3);
    execFileSync('mv', ['digits', 'scans'], { cwd });
    const { code, stdout, stderr } = await run(['predict', 'digits', 'scans'], cwd);
    expect(code, stderr).toBe(1);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(13);
    for (const { file: name, predictions } of lines.filter(({ error }) => error === undefined)) {
      expect(name.startsWith(`scans/${predictions[0].label}`), name).toBe(true);
    }
  });

  it.each([
    ['SIGKILL', null],
    ['SIGINT', 130],
    ['SIGTERM', 130],
  ] as const)('loses and doubles no image that was begun before %s', async (signal, expected) => {
    const { cwd, names } = await manyImages();
    const out = join(cwd, 'answers.jsonl');
    await writeFile(out, '');
    const changes = watch(out)[Symbol.asyncIterator]();
    const child = start(['predict', 'digits', 'photos', '--out', 'answers.jsonl'], cwd);
    for (let count = 0; count < 20; count += 1) await changes.next();
    await changes.return?.();
    child.kill(signal);
    const [code] = await once(child, 'close');
    expect(code).toBe(expected);
    const before = (await readFile(out, 'utf8')).split('\n').length - 1;
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(IMAGES);
    const second = await run(['predict', 'digits', 'photos', '--out', 'answers.jsonl'], cwd);
    expect(second.code, second.stderr).toBe(0);
    expect(await answeredFiles(out)).toEqual([...names].sort());
  });

  it('ends quietly when its reader has seen enough', async () => {
    const { cwd } = await manyImages();
    const child = start(['predict', 'digits', 'photos'], cwd);
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});
