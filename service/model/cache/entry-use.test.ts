import { rm, stat, utimes } from 'node:fs/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../../test/support/models.js';
import { IN_USE_MS, keepInUse, stampUse } from './entry-use.js';

const agoMs = async (folder: string): Promise<number> => Date.now() - (await stat(folder)).mtimeMs;

afterEach(() => void vi.useRealTimers());

describe('the use of a model', () => {
  it('is stamped again and again, often enough for others to know', async () => {
    vi.useFakeTimers({ toFake: ['setInterval'] });
    const folder = await temporaryFolder();
    keepInUse(folder);
    for (let stamps = 0; stamps < 3; stamps += 1) {
      await utimes(folder, new Date(0), new Date(0));
      vi.advanceTimersByTime(IN_USE_MS / 3);
      await vi.waitFor(async () => expect(await agoMs(folder)).toBeLessThan(60_000));
    }
  });

  it('is stamped no more when its folder is gone', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const folder = await temporaryFolder();
    keepInUse(folder);
    await rm(folder, { recursive: true });
    expect(await stampUse(folder)).toBe(false);
    vi.advanceTimersByTime(IN_USE_MS);
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(0));
  });
});
