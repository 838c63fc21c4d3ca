import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kindsIn } from '../costs/bill.js';

const FOLDERS = [
  'bootstrap',
  ...['environments', 'modules'].flatMap((kind) =>
    readdirSync(`infrastructure/${kind}`).map((name) => `${kind}/${name}`),
  ),
];

it('infrastructure/ makes no user and no key: whoever acts takes a role', () => {
  expect(
    [...kindsIn('infrastructure')].filter((kind) => /^aws_iam_(access_key|group|user)/.test(kind)),
  ).toEqual([]);
});

describe.each(FOLDERS)('%s', (folder) => {
  const read = (file: string): string => readFileSync(`infrastructure/${folder}/${file}`, 'utf8');
  const variables = [...read('variables.tf').matchAll(/^variable "(\w+)" \{\n(.*?)^\}/gms)]
    .map(([, name = '', block = '']) => ({ name, block }))
    .filter(({ block }) => !/^ {2}type += bool$/m.test(block));

  it('says of each variable what it may be', () => {
    const open = variables.filter(({ block }) => !block.includes('  validation {'));
    expect(open.map(({ name }) => name)).toEqual([]);
  });

  it('has a test that refuses a wrong value of each', () => {
    const tests = readdirSync(`infrastructure/${folder}/tests`).map((file) => read(`tests/${file}`));
    const failures = [...tests.join('\n').matchAll(/expect_failures = \[(.*?)\]/gs)];
    const refused = failures.flatMap(([, list = '']) => list.match(/var\.\w+/g) ?? []);
    expect(variables.map(({ name }) => `var.${name}`).filter((name) => !refused.includes(name))).toEqual([]);
  });
});
