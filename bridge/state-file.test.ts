import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Dispatch } from './decide.js';
import { StateFile } from './state-file.js';

const NOW = Date.UTC(2026, 10, 22);
const DISPATCH: Dispatch = { id: 'one', model: 'digits', group: 'a', at: NOW - 1000, delivery: 'unknown' };

describe('the state', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cv-bridge-'));
    path = join(folder, 'state.json');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is empty where there is no file, and there when it is opened again', async () => {
    const state = await StateFile.open(path, NOW);
    expect(state.dispatches).toEqual([]);
    await state.write([DISPATCH]);
    expect(state.dispatches).toEqual([DISPATCH]);
    expect((await StateFile.open(path, NOW)).dispatches).toEqual([DISPATCH]);
    expect(readdirSync(folder)).toEqual(['state.json']);
  });

  it.each([
    ['torn', '{"version":1,"dispat'],
    ['empty', ''],
    ['of another version', '{"version":2,"dispatches":[]}'],
    ['somebody else’s', '[]'],
    ['half filled', '{"version":1,"dispatches":[{"id":"one"}]}'],
  ])('that is %s is refused, and left for a person to look at', async (_, text) => {
    writeFileSync(path, text);
    await expect(StateFile.open(path, NOW)).rejects.toThrow(/STATE_FILE .*nothing is dispatched/);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('in a folder that is not there is refused', async () => {
    await expect(StateFile.open(join(folder, 'no/state.json'), NOW)).rejects.toThrow(/cannot be written/);
  });

  it('does not wait for years because a clock was wrong', async () => {
    const state = await StateFile.open(path, NOW);
    await state.write([{ ...DISPATCH, at: NOW + 1e12 }]);
    expect((await StateFile.open(path, NOW)).dispatches).toEqual([{ ...DISPATCH, at: NOW }]);
  });

  it('keeps what it had when it cannot be written', async () => {
    const state = await StateFile.open(path, NOW);
    await state.write([DISPATCH]);
    rmSync(folder, { recursive: true });
    await expect(state.write([])).rejects.toThrow();
    expect(state.dispatches).toEqual([DISPATCH]);
    mkdirSync(folder);
  });
});
