import { count, gateFigure, gateLimit, milliseconds, percent, perSecond } from './figures.js';
import type { Report } from './report.js';

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

/** For the summary of a job. @param chart file name of the chart, beside this one, where there is one */
export function markdownOf(report: Report, chart?: string): string {
  const { load, results, machine, gates } = report;
  const gateRows = gates.map((gate) => [
    gate.passed ? 'ok' : '**crossed**',
    gate.name,
    gateFigure(gate.measured, gate.unit),
    gateLimit(gate),
  ]);
  const timings = [...Object.entries(results.stagesMs), ['in all', results.latencyMs] as const];
  const timingRows = timings.map(([name, timing]) => [
    name,
    ...[timing.p50, timing.p95, timing.p99, timing.max].map(milliseconds),
    percent(timing.mean / results.latencyMs.mean, 0),
  ]);
  const failures = Object.entries(results.failures).map(
    ([name, times]) => `- ${count(times)} x \`${name.replaceAll('`', '')}\``,
  );
  return `${[
    `## Load test ${load.scenario}: ${report.passed ? 'passed' : 'failed'}`,
    `${load.rate} requests/s for ${count(load.seconds)} s over ${load.vus} connections against ${report.target}${report.model === null ? '' : ` (${report.model})`}; answered ${perSecond(results.answersPerSecond)}.`,
    table(['', 'gate', 'measured', 'allowed'], gateRows),
    table(['time', 'p50', 'p95', 'p99', 'max', 'share'], timingRows),
    ...(failures.length > 0 ? [failures.join('\n')] : []),
    ...(chart === undefined ? [] : [`![Latency over time](${chart})`]),
    `${report.date}, ${machine.cpu}, ${machine.cores} cores, Node ${machine.node}`,
  ].join('\n\n')}\n`;
}
