import { columns, count, gateTable, milliseconds, percent, perSecond } from './figures.js';
import type { Report } from './report.js';
import type { Distribution, Summary } from './summary.js';

const BAR_WIDTH = 24;
/** From here on the generator's own delay is worth a word. */
const LATE_MS = 5;

/** What a person reads in the terminal. */
export function textOf(report: Report): string {
  const sections = [
    heading(report),
    gateTable(report.gates),
    latencyTable(report.results),
    ...remarks(report),
    verdict(report),
  ];
  return sections.join('\n\n');
}

function heading({ target, model, load, results }: Report): string {
  const peak = load.stages.length > 1 ? 'up to ' : '';
  return [
    `${load.scenario}: ${target}${model === null ? '' : `, model ${model}`}`,
    `${peak}${load.rate} requests/s for ${count(load.seconds)} s over ${load.vus} connections, ${load.images} images, ${load.upload}; answered ${perSecond(results.answersPerSecond)}`,
  ].join('\n');
}

/** Where the time went: stage by stage, with its share of the mean. */
export function latencyTable({ latencyMs, stagesMs }: Summary): string {
  const figures = ({ p50, p95, p99, max }: Distribution): string[] => [p50, p95, p99, max].map(milliseconds);
  const rows = Object.entries(stagesMs).map(([stage, timing]) => {
    const share = timing.mean / latencyMs.mean;
    return [stage, ...figures(timing), percent(share, 0), bar(share)];
  });
  const table = columns([
    ['time', 'p50', 'p95', 'p99', 'max', ...(rows.length > 0 ? ['share'] : [])],
    ...rows,
    [rows.length > 0 ? 'in all' : 'latency', ...figures(latencyMs)],
  ]);
  return table;
}

function bar(share: number): string {
  return '#'.repeat(Math.round(Math.min(1, share) * BAR_WIDTH)).padEnd(BAR_WIDTH);
}

function remarks({ results, aborted }: Report): string[] {
  const lines: string[] = [];
  if (aborted) lines.push('Ended early: too many requests failed.');
  const failures = Object.entries(results.failures).map(([name, times]) => `${count(times)} x ${name}`);
  if (failures.length > 0) lines.push(`Failed: ${failures.join(', ')}`);
  for (const { image, expected, answered } of results.wrong) {
    lines.push(`Wrong: ${image} is ${expected}, answered ${answered ?? 'nothing of the kind'}`);
  }
  if (results.lateMs.p99 > LATE_MS) {
    lines.push(
      `The generator was up to ${milliseconds(results.lateMs.p99)} late (p99), which is in the latencies: this machine is busy.`,
    );
  }
  return lines.length === 0 ? [] : [lines.map((line) => `  ${line}`).join('\n')];
}

function verdict({ passed, gates }: Report): string {
  const crossed = gates.filter((gate) => !gate.passed).map(({ name }) => name);
  return passed ? 'PASSED' : `FAILED${crossed.length > 0 ? `: ${crossed.join(', ')}` : ''}`;
}
