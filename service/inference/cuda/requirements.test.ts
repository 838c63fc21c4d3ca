import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const read = (file: string): string => readFileSync(join(import.meta.dirname, file), 'utf8');
const pins = read('requirements.txt')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

it('brings the provider in the very version of the binding: their interface has no other promise', () => {
  const { dependencies } = JSON.parse(read('../../../package.json')) as {
    dependencies: Record<string, string>;
  };
  const [provider = ''] = pins.filter((line) => line.startsWith('onnxruntime-gpu'));
  expect(provider.split(' ')[0]).toBe(`onnxruntime-gpu==${dependencies['onnxruntime-node']}`);
});

it('pins each library, and its files by hash', () => {
  expect(pins.filter((line) => !/^[\w-]+==[\d.]+( --hash=sha256:[0-9a-f]{64})+$/.test(line))).toEqual([]);
});
