import { expect, it } from 'vitest';
import { DecodeCosts } from './decode-costs.js';

const MEGAPIXEL = 1_000_000;

function msPerMegapixel(costs: DecodeCosts): number {
  return costs.estimateMs('png', 2 * MEGAPIXEL) - costs.estimateMs('png', MEGAPIXEL);
}

it('grows with the pixels, and is never nothing', () => {
  const costs = new DecodeCosts();
  expect(costs.estimateMs('png', 0)).toBeGreaterThan(0);
  expect(costs.estimateMs('png', 25 * MEGAPIXEL)).toBeGreaterThan(20 * costs.estimateMs('png', MEGAPIXEL));
});

it('rises at once and falls slowly', () => {
  const costs = new DecodeCosts();
  const before = msPerMegapixel(costs);
  costs.observe('png', MEGAPIXEL, 2 * before + 1);
  expect(msPerMegapixel(costs)).toBeCloseTo(2 * before);
  costs.observe('png', MEGAPIXEL, before + 1);
  expect(msPerMegapixel(costs)).toBeGreaterThan(1.9 * before);
  for (let image = 0; image < 200; image++) costs.observe('png', MEGAPIXEL, before / 2 + 1);
  expect(msPerMegapixel(costs)).toBeCloseTo(before / 2, 1);
});

it('is not led astray by one file, by small ones, or by another format', () => {
  const costs = new DecodeCosts();
  const before = msPerMegapixel(costs);
  costs.observe('png', 100, 500);
  costs.observe('webp', MEGAPIXEL, 10_000);
  expect(msPerMegapixel(costs)).toBe(before);
  costs.observe('png', MEGAPIXEL, 60_000);
  expect(msPerMegapixel(costs)).toBeLessThanOrEqual(4 * before + 1e-6);
});
