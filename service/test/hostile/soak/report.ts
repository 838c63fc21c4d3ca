import { quantile } from '../../../bench/statistics.js';
import type { Phase } from './phase.js';
import { answerQuantile, type Check, megabytes, whole } from './verdict.js';

const MOST_OUTCOMES = 4;

const COLUMNS: readonly (readonly [head: string, cell: (phase: Phase) => string])[] = [
  ['phase', ({ name }) => name],
  ['ok', (phase) => String(phase.count('ok'))],
  ['refused', ({ refusals }) => String(refusals)],
  ['lost', (phase) => String(phase.count('lost'))],
  ['wrong', (phase) => String(phase.count('wrong'))],
  ['p50 ms', (phase) => whole(answerQuantile(phase, 0.5))],
  ['p99 ms', (phase) => whole(answerQuantile(phase, 0.99))],
  ['with retries', ({ requests }) => whole(Math.max(0, ...requests.map(({ wholeMs }) => wholeMs)))],
  ['/health p99', ({ healthMs }) => whole(quantile(healthMs, 0.99))],
  ['MB', ({ memoryBytes }) => megabytes(memoryBytes)],
  ['what the attacker saw', ({ outcomes }) => outcomeText(outcomes)],
];

/** Honest requests, probes and memory, a line for each phase; refusals are those of honest clients. */
export function table(phases: readonly Phase[]): string {
  const rows = [
    COLUMNS.map(([head]) => head),
    ...phases.map((phase) => COLUMNS.map(([, cell]) => cell(phase))),
  ];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => padded(cell, widths[column] ?? 0, column))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Names and outcomes from the left, figures from the right. */
function padded(cell: string, width: number, column: number): string {
  return column === 0 || column === COLUMNS.length - 1 ? cell.padEnd(width) : cell.padStart(width);
}

function outcomeText(outcomes: Readonly<Record<string, number>>): string {
  const all = Object.entries(outcomes);
  const shown = all.slice(0, MOST_OUTCOMES).map(([outcome, count]) => `${count} x ${outcome}`);
  return shown.concat(all.length > MOST_OUTCOMES ? ['...'] : []).join(', ');
}

export function checkLines(checks: readonly Check[]): string {
  const lines = checks.map(
    ({ promise, isKept, detail }) => `${isKept ? 'ok   ' : 'FAIL '} ${promise}\n      ${detail}`,
  );
  const kept = checks.filter(({ isKept }) => isKept).length;
  return [...lines, `${kept} passed, ${checks.length - kept} failed`].join('\n');
}
