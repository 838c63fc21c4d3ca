/** Whether there is neither NaN nor infinity among them. By index: a callback puts each number on the heap. */
export function areNumbers(values: Float32Array): boolean {
  for (let index = 0; index < values.length; index++) {
    if (!Number.isFinite(values[index])) return false;
  }
  return true;
}

/** Significant digits of a score: about what a 32-bit float holds. */
const SCORE_DIGITS = 6;

export function roundedScore(score: number): number {
  return Number(score.toPrecision(SCORE_DIGITS));
}

const SHOWN_DIGITS = 2;

/** As people read it in a picture. */
export function shownScore(score: number): string {
  return score.toFixed(SHOWN_DIGITS);
}
