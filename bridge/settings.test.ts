import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Field } from '../service/config-fields.js';
import { readSettings, SETTINGS_SCHEMA } from './settings.js';

const REQUIRED = {
  ALERTS_TOKEN_FILE: '/secrets/alerts-token',
  GITHUB_TOKEN_FILE: '/secrets/github-token',
  GITHUB_REPOSITORY: 'us/it',
  STATE_FILE: '/state/state.json',
};

describe('the settings', () => {
  it('have defaults but for the tokens, the repository and the state', () => {
    expect(readSettings(REQUIRED)).toMatchObject({ ...REQUIRED, DAILY_LIMIT: 3 });
    expect(() => readSettings({})).toThrow(
      Object.keys(REQUIRED)
        .map((name) => `${name} is not set`)
        .join('; '),
    );
  });

  it('are refused with every fault at once', () => {
    const wrong = {
      ...REQUIRED,
      GITHUB_REPOSITORY: '../it',
      GITHUB_API_URL: 'ftp://x',
      DAILY_LIMIT: '0',
      STATE_FILE: ' ',
    };
    expect(() => readSettings(wrong)).toThrow(
      'GITHUB_REPOSITORY is not owner/name; GITHUB_API_URL is not an http:// or https:// address; ' +
        'STATE_FILE is not set; DAILY_LIMIT is outside 1..100',
    );
  });

  it('are in the README as they are in the code', () => {
    const rows = Object.entries<Field<unknown>>(SETTINGS_SCHEMA).map(
      ([name, { defaultText, description }]) =>
        `| \`${name}\` | ${defaultText || 'must be set'} | ${description} |`,
    );
    const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
    expect(readme).toContain(['| setting | default | is |', '| --- | --- | --- |', ...rows].join('\n'));
  });
});
