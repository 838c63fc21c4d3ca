import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMPARE_SETTINGS, readCompareSettings } from './compare/settings.js';
import { table } from './report/markdown.js';
import { SCENARIO_NAMES, SCENARIOS } from './scenarios.js';
import { type Fields, readSettings, SETTINGS, secondsOf } from './settings.js';

describe('settings', () => {
  it('are the scenario where nothing is set', () => {
    const settings = readSettings({});
    expect(settings).toMatchObject({
      target: 'http://localhost:8080',
      scenario: 'steady',
      out: 'loadtest/results',
    });
    expect(settings).toMatchObject({ rate: 30, seconds: 60, vus: 50 });
    expect(settings.requests).toEqual({
      images: 'service/models/digits',
      upload: 'raw',
      headers: {},
      timeoutSeconds: 10,
    });
  });

  it('win over the scenario', () => {
    const settings = readSettings({ SCENARIO: 'spike', RATE: '50', DURATION: '2m', VUS: '7' });
    expect(settings).toMatchObject({ scenario: 'spike', rate: 50, seconds: 120, vus: 7 });
    expect(Math.max(...settings.stages.map(({ toRate }) => toRate))).toBe(50);
  });

  it('leave the scenario to the script that names one', () => {
    expect(readSettings({ SCENARIO: 'soak' }, 'smoke').scenario).toBe('smoke');
  });

  it('become headers where they are about requests', () => {
    const { requests } = readSettings({ API_KEY: 'k', HOST_HEADER: 'cv.local' });
    expect(requests.headers).toEqual({ 'x-api-key': 'k', host: 'cv.local' });
  });

  it('that are empty are not set', () => {
    expect(readSettings({ RATE: '', TARGET: ' ' })).toEqual(readSettings({}));
  });

  it('are refused all at once, without what is secret', () => {
    const wrong = {
      TARGET: 'localhost:8080',
      SCENARIO: 'chaos',
      RATE: '0',
      VUS: 'many',
      DURATION: '60',
      TIMEOUT: '500ms',
      UPLOAD: 'form',
    };
    const message = messageOf(() => readSettings({ ...wrong, API_KEY: 'hidden' }));
    for (const [name, value] of Object.entries(wrong))
      expect(message).toMatch(new RegExp(`${name} .*"${value}"`));
    expect(message).not.toContain('hidden');
  });

  it('of a comparison are refused all at once too', () => {
    const message = messageOf(() => readCompareSettings({ ROUNDS: '2', ROUND_DURATION: 'x', RATE: '-1' }));
    expect(message).toMatch(/ROUNDS .*ROUND_DURATION .*RATE /);
  });
});

describe('a length of time', () => {
  it.each([
    ['500ms', 0.5],
    ['30s', 30],
    ['1.5m', 90],
    ['2h', 7200],
  ])('%s is %d seconds', (text, seconds) => {
    expect(secondsOf(text)).toBe(seconds);
  });

  it.each(['0s', '10', 's', '-1s', '1d', '1m30s'])('cannot be %s', (text) => {
    expect(() => readSettings({ DURATION: text })).toThrow(/DURATION/);
  });
});

describe('loadtest/README.md', () => {
  const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');

  it.each([
    ['the load test', SETTINGS],
    ['the comparison', COMPARE_SETTINGS],
  ])('has the settings of %s', (_, fields: Fields) => {
    const rows = Object.entries(fields).map(([name, field]) => [
      `\`${name}\``,
      field.type,
      field.defaultText,
      field.description + (field.secret ? ' (secret)' : ''),
    ]);
    expect(readme).toContain(table(['variable', 'type', 'default', 'what it does'], rows));
  });

  it('has the scenarios', () => {
    const rows = SCENARIO_NAMES.map((name) => {
      const { purpose, rate, seconds, vus } = SCENARIOS[name];
      return [
        `\`${name}\``,
        purpose,
        String(rate),
        seconds >= 120 ? `${seconds / 60}m` : `${seconds}s`,
        String(vus),
      ];
    });
    expect(readme).toContain(table(['scenario', 'asks', '`RATE`', '`DURATION`', '`VUS`'], rows));
  });
});

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error('nothing was refused');
}
