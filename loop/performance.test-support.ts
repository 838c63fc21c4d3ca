import { SHORT } from './pace.js';
import type { Performance } from './run.js';

const AT = Date.UTC(2026, 10, 23);
const POINTS = [
  { at: AT, value: 0.98 },
  { at: AT + 60_000, value: 0.5 },
];

/** A play that went as it must. */
export const performance = (changes: Partial<Performance> = {}): Performance => ({
  play: { name: 'drift', title: 'A camera drifts', moral: 'it is mended', perform: async () => [] },
  pace: SHORT,
  startedAt: AT,
  seconds: 60,
  events: [{ at: AT + 30_000, actor: 'alert', text: 'Drift <fires> & "more"' }],
  checks: [{ promise: 'one dispatch', isKept: true, detail: 'one' }],
  series: {
    accuracy: POINTS,
    judgedAccuracy: [],
    imagesPsi: [{ at: AT, value: 0 }],
    answersPsi: [{ at: AT, value: 1000 }],
    brokenShare: [],
  },
  isGood: true,
  ...changes,
});
