import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAuthorized, readAlertsToken } from './access.js';

const TOKEN = 'a-token-of-sixteen-or-more';

describe('a token', () => {
  it.each([`Bearer ${TOKEN}`, `bearer ${TOKEN}`])('opens as %j', (header) => {
    expect(isAuthorized(header, TOKEN)).toBe(true);
  });

  it.each([
    undefined,
    '',
    TOKEN,
    `Basic ${TOKEN}`,
    'Bearer ',
    `Bearer ${TOKEN.slice(0, -1)}`,
    `Bearer ${TOKEN} `,
    `Bearer ${TOKEN}${TOKEN}`,
    `Bearer ${TOKEN.toUpperCase()}`,
  ])('does not as %j', (header) => {
    expect(isAuthorized(header, TOKEN)).toBe(false);
  });
});

it('takes as long for a token that is wrong at its beginning as for one that is wrong at its end', () => {
  const token = 'x'.repeat(4096);
  const wrongAt = (index: number) => `Bearer ${token.slice(0, index)}y${token.slice(index + 1)}`;
  const microsecondsOf = (header: string): number => {
    const before = process.cpuUsage();
    for (let nth = 0; nth < 5000; nth += 1) isAuthorized(header, token);
    return process.cpuUsage(before).user;
  };
  microsecondsOf(wrongAt(0));
  const ratio = microsecondsOf(wrongAt(0)) / microsecondsOf(wrongAt(4095));
  expect(ratio).toBeGreaterThan(0.5);
  expect(ratio).toBeLessThan(2);
});

describe('the file of the token', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cv-bridge-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const read = (text: string) => {
    const path = join(folder, 'token');
    writeFileSync(path, text);
    return readAlertsToken(path);
  };

  it('may end with a line break', async () => {
    expect(await read(`${TOKEN}\n`)).toBe(TOKEN);
  });

  it.each(['', '\n', 'short', 'two tokens in one line', 'x\ny-of-sixteen-letters', 'schlüssel-mit-umlaut'])(
    'is refused with %j in it',
    async (text) => {
      await expect(read(text)).rejects.toThrow(/holds no token|less than 16/);
    },
  );

  it('is refused where it is not there', async () => {
    await expect(readAlertsToken(join(folder, 'no'))).rejects.toThrow(/cannot be read/);
  });
});
