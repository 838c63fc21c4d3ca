import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Field } from '../service/config-fields.js';
import { readSettings, SETTINGS_SCHEMA } from './settings.js';

describe('the settings', () => {
  it('are sound by default', () => {
    expect(readSettings({})).toMatchObject({ PORT: 8080, NAMESPACES: 'cv-inference' });
  });

  it.each([
    [{ NAMESPACES: 'a,,b' }, /^NAMESPACES is not a list of namespaces/],
    [{ NAMESPACES: 'a/../b' }, /^NAMESPACES /],
    [{ NAMESPACES: 'a b' }, /^NAMESPACES /],
    [{ ALLOWED_HOSTS: 'https://a.example' }, /^ALLOWED_HOSTS is not a list of host names/],
    [{ ALLOWED_HOSTS: 'a.example:443' }, /^ALLOWED_HOSTS /],
    [{ ALLOWED_HOSTS: '*.example' }, /^ALLOWED_HOSTS /],
    [{ ALLOWED_HOSTS: 'a.example,' }, /^ALLOWED_HOSTS /],
    [{ PROMETHEUS_URL: 'prometheus:9090' }, /^PROMETHEUS_URL is not an http/],
    [{ ARGOCD_URL: 'https://argocd' }, /^ARGOCD_URL and ARGOCD_TOKEN_FILE are given together/],
    [{ PORT: 'eighty', LOG_LEVEL: 'loud' }, /PORT.*LOG_LEVEL/s],
  ])('%j are refused with a sentence', (environment, sentence) => {
    expect(() => readSettings(environment)).toThrow(sentence);
  });

  it('are in the README as they are in the code', () => {
    const rows = Object.entries<Field<unknown>>(SETTINGS_SCHEMA).map(
      ([name, { defaultText, description }]) => `| \`${name}\` | ${defaultText ?? ''} | ${description} |`,
    );
    const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
    expect(readme).toContain(
      ['| setting | default | is |', '| --- | --- | --- |', ...rows].join('\n').replaceAll('|  |', '| |'),
    );
  });
});
