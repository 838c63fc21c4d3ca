import { expect, it } from 'vitest';
import { BrokenInput } from './broken-input.js';

const picture = (brightness: number, contrast = 0.2) => ({ brightness, contrast, size: 40, aspect: 1 });

it('images without contrast are blank, whatever their brightness', () => {
  const input = new BrokenInput();
  expect(input.reasonFor(picture(0, 0))).toBe('blank');
  expect(input.reasonFor(picture(0.5, 0.009))).toBe('blank');
  expect(input.reasonFor(picture(0.5, 0.011))).toBeUndefined();
});

it('an image that comes again among the next eight is repeated', () => {
  const input = new BrokenInput();
  expect(input.reasonFor(picture(0.3))).toBeUndefined();
  for (let index = 0; index < 7; index++) expect(input.reasonFor(picture(0.4 + index / 100))).toBeUndefined();
  expect(input.reasonFor(picture(0.3))).toBe('repeated');
  expect(input.reasonFor(picture(0.3))).toBe('repeated');
});

it('an image that comes again after eight others is not', () => {
  const input = new BrokenInput();
  input.reasonFor(picture(0.3));
  for (let index = 0; index < 8; index++) input.reasonFor(picture(0.4 + index / 100));
  expect(input.reasonFor(picture(0.3))).toBeUndefined();
});
