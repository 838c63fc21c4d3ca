import { expect, it } from 'vitest';
import { BrokenInput } from './broken-input.js';

const picture = (brightness: number, contrast = 0.2) => ({ brightness, contrast, size: 40, aspect: 1 });

it('images without contrast are blank, whatever their brightness', () => {
  const input = new BrokenInput();
  expect(input.reasonFor(picture(0, 0))).toBe('blank');
  expect(input.reasonFor(picture(0.5, 0.009))).toBe('blank');
  expect(input.reasonFor(picture(0.5, 0.011))).toBeUndefined();
});

it('one of 64 cameras that take turns stands still: its images are repeated, the others are not', () => {
  const input = new BrokenInput();
  for (let round = 0; round < 100; round++) {
    expect(input.reasonFor(picture(0.3))).toBe(round === 0 ? undefined : 'repeated');
    for (let camera = 1; camera < 64; camera++)
      expect(input.reasonFor(picture(0.4 + round / 1000 + camera / 1e6))).toBeUndefined();
  }
});

it('one that stands still pushes nothing out of what is remembered', () => {
  const input = new BrokenInput();
  input.reasonFor(picture(0.3));
  for (let index = 0; index < 1000; index++) input.reasonFor(picture(0.4));
  expect(input.reasonFor(picture(0.3))).toBe('repeated');
});

it('an image that comes again after 64 others is not repeated', () => {
  const input = new BrokenInput();
  input.reasonFor(picture(0.3));
  for (let index = 0; index < 64; index++) input.reasonFor(picture(0.4 + index / 100));
  expect(input.reasonFor(picture(0.3))).toBeUndefined();
});
