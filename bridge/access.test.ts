import crypto from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { isAuthorized, readAlertsToken } from './access.js';

const TOKEN = 'a-token-of-sixteen-or-more';
const RIGHT = [`Bearer ${TOKEN}`, `bearer ${TOKEN}`];
const WRONG = [
  undefined,
  '',
  TOKEN,
  `Basic ${TOKEN}`,
  'Bearer ',
  `Bearer ${TOKEN.slice(0, -1)}`,
  `Bearer ${TOKEN} `,
  `Bearer ${TOKEN}${TOKEN}`,
  `Bearer ${TOKEN.toUpperCase()}`,
];

describe('a token', () => {
  it.each(RIGHT)('opens as %j', (header) => {
    expect(isAuthorized(header, TOKEN)).toBe(true);
  });

  it.each(WRONG)('does not as %j', (header) => {
    expect(isAuthorized(header, TOKEN)).toBe(false);
  });
});

describe('what is given', () => {
  const compare = vi.spyOn(crypto, 'timingSafeEqual');
  beforeAll(syncBuiltinESMExports);
  afterEach(() => compare.mockClear());
  afterAll(() => {
    compare.mockRestore();
    syncBuiltinESMExports();
  });

  it.each([...RIGHT, ...WRONG])('is compared once, in constant time and as 32 bytes: %j', (header) => {
    const isRight = isAuthorized(header, TOKEN);
    expect(compare.mock.calls.map((sides) => sides.map(({ byteLength }) => byteLength))).toEqual([[32, 32]]);
    expect(compare.mock.results).toEqual([{ type: 'return', value: isRight }]);
  });
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
