import { expect, it } from 'vitest';
import { BLACK, type Colour, colourOf, contrastTo, WHITE } from './colours.js';

function distance(one: Colour, other: Colour): number {
  return Math.hypot(...one.map((level, index) => level - (other[index] ?? 0)));
}

it('tells the first two dozen classes apart', () => {
  const colours = Array.from({ length: 24 }, (_, classId) => colourOf(classId));
  const distances = colours.flatMap((one, at) => colours.slice(at + 1).map((other) => distance(one, other)));
  expect(Math.min(...distances)).toBeGreaterThan(40);
});

it('gives a class the same colour always, and one to ids that are none', () => {
  expect(colourOf(7)).toEqual(colourOf(7));
  for (const classId of [-1, 1e9, Number.NaN, 0.5]) {
    for (const level of colourOf(classId)) expect(level >= 0 && level <= 255).toBe(true);
  }
});

it('writes black on bright colours and white on dark ones', () => {
  expect(contrastTo([255, 255, 0])).toEqual(BLACK);
  expect(contrastTo([0, 0, 160])).toEqual(WHITE);
});
