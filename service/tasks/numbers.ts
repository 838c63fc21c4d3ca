/**
 * Whether there is neither NaN nor infinity among them: times 0, these alone are not 0. Four sums, of which none waits for
 * another, take half the time that it takes to look at each; by index: a callback puts each number on the heap.
 */
export function areNumbers(values: Float32Array): boolean {
  let [one, two, three, four] = [0, 0, 0, 0];
  const whole = values.length - (values.length % 4);
  for (let at = 0; at < whole; at += 4) {
    one += (values[at] as number) * 0;
    two += (values[at + 1] as number) * 0;
    three += (values[at + 2] as number) * 0;
    four += (values[at + 3] as number) * 0;
  }
  for (let at = whole; at < values.length; at++) one += (values[at] as number) * 0;
  return one + two + three + four === 0;
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
