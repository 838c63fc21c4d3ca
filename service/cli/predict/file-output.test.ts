import { execFileSync } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type from 'typebox';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/models.js';
import { CannotGoOn } from '../outcome.js';
import { openFileOutput } from './file-output.js';
import { formatFor } from './formats.js';
import type { Output } from './output.js';
import type { AnswerRecord, RunInfo } from './record.js';

const Labels = Type.Object({ predictions: Type.Array(Type.Object({ label: Type.String() })) });
const RUN: RunInfo = {
  model: { name: 'boxes', version: '1.0.0', digest: 'sha256:ab' },
  task: 'detection',
  parameters: {},
};
const record = (file: string): AnswerRecord => ({
  ...RUN,
  file,
  answer: { predictions: [{ label: 'cat' }, { label: 'a\n"dog"' }] },
});
const open = (path: string, run: RunInfo = RUN): Promise<Output> =>
  openFileOutput(path, formatFor(path, Labels), run);

/** Writes answers to files into an output, and says what is in it. */
async function write(path: string, files: readonly string[], run?: RunInfo): Promise<string> {
  const output = await open(path, run);
  await Promise.all(files.map((file) => output.write(record(file))));
  await output.close(true);
  return readFile(path, 'utf8');
}

async function answeredIn(path: string): Promise<string[]> {
  const { done, close } = await open(path);
  await close(false);
  return [...done];
}

describe.each(['answers.jsonl', 'answers.csv'])('%s', (name) => {
  it('is the same in one run and in several', async () => {
    const folder = await temporaryFolder();
    const whole = await write(join(folder, `whole-${name}`), ['a', 'b\n', 'c']);
    const path = join(folder, name);
    for (const file of ['a', 'b\n', 'c']) await write(path, [file]);
    expect(await readFile(path, 'utf8')).toBe(whole);
    expect(await answeredIn(path)).toEqual(['a', 'b\n', 'c']);
  });

  it('loses no more than what was being written, wherever a crash has torn it', async () => {
    const path = join(await temporaryFolder(), name);
    const before = await write(path, ['a']);
    const bytes = Buffer.from(await write(path, ['b']));
    for (let length = 0; length < bytes.length; length += 7) {
      await writeFile(path, bytes.subarray(0, length));
      const done = await answeredIn(path);
      expect(done).toEqual(length < before.length ? [] : ['a']);
      const files = ['a', 'b'].filter((file) => !done.includes(file));
      expect(await write(path, files), `torn after ${length} bytes`).toBe(bytes.toString());
    }
  });

  it('is not mixed with answers of another model, or to something else that was asked', async () => {
    const path = join(await temporaryFolder(), name);
    const text = await write(path, ['a']);
    await expect(open(path, { ...RUN, model: { ...RUN.model, digest: 'sha256:cd' } })).rejects.toThrow(
      CannotGoOn,
    );
    await expect(open(path, { ...RUN, parameters: { threshold: 0.5 } })).rejects.toThrow(CannotGoOn);
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  it.each(['hello', 'hello\n', '{"file":"a"}\n', 'file,row\n', '\n', '\0\0\0'])(
    'is left as it is where it is not ours: %j',
    async (text) => {
      const path = join(await temporaryFolder(), name);
      await writeFile(path, text);
      await expect(open(path)).rejects.toThrow(CannotGoOn);
      expect(await readFile(path, 'utf8')).toBe(text);
    },
  );
});

it('lines of an output end where they end, however long they are', async () => {
  const path = join(await temporaryFolder(), 'answers.jsonl');
  const files = Array.from({ length: 40 }, (_, index) => `${index}${'ä\n'.repeat(index * 997)}`);
  await write(path, files);
  expect(await answeredIn(path)).toEqual(files);
});

describe('an output that is no regular file', () => {
  it('takes answers as they come, without looking for earlier ones', async () => {
    const path = join(await temporaryFolder(), 'pipe');
    execFileSync('mkfifo', [path]);
    const read = readFile(path, 'utf8');
    const output = await open(path);
    await output.write(record('a'));
    await output.close(true);
    expect(JSON.parse(await read)).toMatchObject({ file: 'a' });
    expect((await stat(path)).isFIFO()).toBe(true);
  });

  it.runIf(process.platform === 'linux')('says where it is full', async () => {
    const output = await open('/dev/full');
    await expect(output.write(record('a'))).rejects.toThrow(CannotGoOn);
    await output.close(false);
  });
});
