import { describe, expect, it } from 'vitest';
import { parsePythonLiteral } from './python-literal.js';

describe('parsePythonLiteral', () => {
  it.each([
    [
      "{0: 'person', 1: \"driver's seat\"}",
      new Map([
        [0, 'person'],
        [1, "driver's seat"],
      ]),
    ],
    ['[640, 640]', [640, 640]],
    ['(17, 3)', [17, 3]],
    ['(17,)', [17]],
    ['(17)', 17],
    ['[]', []],
    ['{}', new Map()],
    ['[1, 2,]', [1, 2]],
    [
      "{'nms': False, 'half': True, 'data': None}",
      new Map<string, unknown>([
        ['nms', false],
        ['half', true],
        ['data', null],
      ]),
    ],
    ['-1.5e3', -1500],
    ['1_000', 1000],
    ['.5', 0.5],
    [String.raw`'a\n\t\\\'\x41\u00e9\U0001F600\101'`, "a\n\t\\'Aé😀A"],
    [" 'naïve 日本' ", 'naïve 日本'],
  ])('reads %s as Python does', (text, value) => {
    expect(parsePythonLiteral(text)).toEqual(value);
  });

  it.each([
    '',
    '{',
    "{0: 'a'",
    '{0}',
    "{'a' 'b'}",
    '[1 2]',
    "'open",
    "'two\nlines'",
    String.raw`'\U00110000'`,
    '__import__("os")',
    'constructor',
    'True False',
    '1 + 1',
    '{0: f(1)}',
  ])('refuses %j', (text) => {
    expect(parsePythonLiteral(text)).toBeUndefined();
  });

  it('gives up what is nested without end, before the stack does', () => {
    expect(parsePythonLiteral('['.repeat(100_000))).toBeUndefined();
    expect(parsePythonLiteral(`${'['.repeat(1000)}${']'.repeat(1000)}`)).toBeUndefined();
  });

  it('reads a megabyte in less than a second', () => {
    const names = `{${Array.from({ length: 60_000 }, (_, id) => `${id}: 'name ${id}'`).join(', ')}}`;
    const startedAt = performance.now();
    expect(parsePythonLiteral(names)).toHaveProperty('size', 60_000);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});
