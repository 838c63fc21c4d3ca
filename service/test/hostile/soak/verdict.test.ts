import { describe, expect, it } from 'vitest';
import type { RequestRecord } from './honest-client.js';
import { Phase } from './phase.js';
import { checkLines, table } from './report.js';
import { judge } from './verdict.js';

const OK: RequestRecord = { outcome: 'ok', refusals: 0, answerMs: 20, wholeMs: 20 };
const MB = 1e6;

function phase(name: string, memoryMegabytes = 100): Phase {
  const made = new Phase(name);
  made.requests.push(...Array<RequestRecord>(200).fill(OK));
  made.healthMs.push(...Array<number>(200).fill(5));
  made.memory.push({ bytes: memoryMegabytes * MB, kills: 0 });
  return made;
}

/** The promises that a soak does not keep whose second of three phases was so. */
function broken(change: (attack: Phase) => void, after = phase('after'), exitCode: number | null = 0) {
  const attack = phase('attack');
  change(attack);
  const checks = judge({ phases: [phase('before'), attack, after], exitCode: exitCode ?? undefined });
  expect(checks).toHaveLength(8);
  return checks.filter(({ isKept }) => !isKept).map(({ detail }) => detail);
}

describe('the verdict on a soak', () => {
  it('is good where all is well, though many were refused and memory grew meanwhile', () => {
    expect(
      broken(
        (attack) => {
          attack.requests.push({ ...OK, refusals: 7, wholeMs: 30_000 });
          attack.memory.push({ bytes: 400 * MB, kills: 0 });
          attack.healthMs.push(900);
        },
        phase('after', 129),
      ),
    ).toEqual([]);
  });

  it.each<[string, (attack: Phase) => void, string]>([
    [
      'one wrong answer',
      ({ requests }) => requests.push({ ...OK, outcome: 'wrong', detail: 'x' }),
      '1 x attack: x',
    ],
    [
      'one lost request',
      ({ requests }) => requests.push({ ...OK, outcome: 'lost', detail: 'x' }),
      '1 x attack: x',
    ],
    [
      'a p99 past the deadline',
      ({ requests }) => requests.push(...Array<RequestRecord>(4).fill({ ...OK, answerMs: 10_001 })),
      'at most 10001 ms (attack)',
    ],
    ['nobody answered', ({ requests }) => requests.splice(0), 'at most no answer ms (attack)'],
    [
      'a slow /health',
      ({ healthMs }) => healthMs.push(...Array<number>(4).fill(1000)),
      'at most 1000 ms (attack), 5 ms over all; the target is 100 ms',
    ],
    [
      'a /health that is not',
      ({ healthMs }) => healthMs.splice(0, 9, ...Array<number>(9).fill(Infinity)),
      'at most no answer ms (attack), no answer ms over all; the target is 100 ms',
    ],
    ['an unready service', ({ unready }) => unready.push('503'), '1 x attack: 503'],
    [
      'a dead service',
      ({ faults }) => faults.push('the service ended with 137'),
      '1 x attack: the service ended with 137',
    ],
    [
      'a killed process',
      ({ memory }) => memory.push({ bytes: 100 * MB, kills: 1 }),
      '1 x attack: 1 processes killed for memory so far',
    ],
  ])('is bad for %s', (_, change, detail) => {
    expect(broken(change)).toEqual([detail]);
  });

  it('is bad where memory does not come back, or could not be read', () => {
    expect(broken(() => {}, phase('after', 131))).toEqual(['100 MB before, 131 MB after: 1.31 times']);
    expect(broken(() => {}, new Phase('after')).length).toBeGreaterThan(0);
  });

  it.each([1, 137, null])('is bad where the service ends with %s', (exitCode) => {
    expect(broken(() => {}, phase('after'), exitCode)).toHaveLength(1);
  });

  it('is told in a table and in lines', () => {
    const [before, attack, after] = [phase('before'), phase('attack'), phase('after')];
    attack.outcomes = { 200: 5, '429 OVERLOADED': 2 };
    expect(table([before, attack, after]).split('\n')[2]).toMatch(
      /^attack +200 .* 5 x 200, 2 x 429 OVERLOADED$/,
    );
    const lines = checkLines(judge({ phases: [before, attack, after], exitCode: 1 })).split('\n');
    expect(lines.at(-1)).toBe('7 passed, 1 failed');
  });
});
