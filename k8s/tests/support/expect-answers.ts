import { expect, vi } from 'vitest';
import type { Expression } from './expressions.js';
import type { TimeSeriesDatabase } from './time-series.js';

const ANSWERS_WITHIN = { timeout: 45_000, interval: 2_000 };

/** Waits until everything is answered with finite numbers. */
export async function expectAnswers(
  database: TimeSeriesDatabase,
  expressions: readonly Expression[],
): Promise<void> {
  const unanswered = async ({ text, where }: Expression): Promise<Expression[]> => {
    const samples = await database.query(text);
    return samples.length > 0 && samples.every(({ value }) => Number.isFinite(value))
      ? []
      : [{ where, text }];
  };
  const check = async () => expect((await Promise.all(expressions.map(unanswered))).flat()).toEqual([]);
  await vi.waitFor(check, ANSWERS_WITHIN);
}
