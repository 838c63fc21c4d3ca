import { expect, it } from 'vitest';
import { RecentAnswers } from './recent-answers.js';

const model = { name: 'digits', version: '1.0.0', digest: 'sha256:0' };
const answer = { model, day: '2026-11-22', claim: { label: '3' } };
const box = { x_min: 0, y_min: 0, x_max: 1, y_max: 1 };

it('the oldest answers are forgotten first, whatever comes', () => {
  const recent = new RecentAnswers(100_000);
  for (let index = 0; index < 10_000; index += 1) recent.add(`id-${index}`, answer);
  expect(recent.get('id-0')).toBeUndefined();
  expect(recent.get('id-9999')).toMatchObject(answer);
  const kept = Array.from({ length: 10_000 }, (_, index) => recent.get(`id-${index}`)).filter(Boolean);
  expect(kept.length).toBeGreaterThan(100);
  expect(kept.length).toBeLessThan(400);
});

it('the first answer of a name stays', () => {
  const recent = new RecentAnswers();
  expect(recent.add('a', answer)).toBe(true);
  expect(recent.add('a', { ...answer, claim: { label: '4' } })).toBe(false);
  expect(recent.get('a')?.claim).toEqual({ label: '3' });
});

it('of an answer with very many objects it is remembered that it was, and not what', () => {
  const recent = new RecentAnswers();
  recent.add('a', {
    ...answer,
    claim: { objects: Array.from({ length: 101 }, () => ({ label: '3', box })) },
  });
  expect(recent.get('a')).toMatchObject({ day: '2026-11-22', claim: undefined });
});
