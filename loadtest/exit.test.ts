import { afterEach, expect, it } from 'vitest';
import { exitWith } from './exit.js';

afterEach(() => {
  process.exitCode = undefined;
});

it.each([
  ['pass', 0],
  ['inconclusive', 2],
  ['fail', 99],
] as const)('a load test that says %s ends with %i', async (outcome, code) => {
  const reached = Promise.resolve(outcome);
  exitWith(reached);
  await reached;
  expect(process.exitCode).toBe(code);
});

it('a load test without a result ends with 1', async () => {
  const broken = Promise.reject(new Error('nobody answers'));
  exitWith(broken);
  await broken.catch(() => undefined);
  expect(process.exitCode).toBe(1);
});
