import { type Block, quoted } from './blocks.js';
import { count, gateFigure, gateLimit, milliseconds, percent, perSecond } from './figures.js';
import type { Machine, Report } from './report.js';

/** @param chart SVG, where there is one */
export function blocksOf(report: Report, chart?: string): Block[] {
  const { load, results, gates } = report;
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
    ([name, times]) => `${count(times)} x ${quoted(name)}`,
  );
  const picture = `![Latency over time](${load.scenario}.svg)`;
  return [
    { kind: 'heading', text: `Load test ${load.scenario}: ${report.passed ? 'passed' : 'failed'}` },
    {
      kind: 'text',
      text: `${load.rate} requests/s for ${count(load.seconds)} s over ${load.vus} connections against ${report.target}${report.model === null ? '' : ` (${report.model})`}; answered ${perSecond(results.answersPerSecond)}.`,
    },
    { kind: 'table', head: ['', 'gate', 'measured', 'allowed'], rows: gateRows },
    { kind: 'table', head: ['time', 'p50', 'p95', 'p99', 'max', 'share'], rows: timingRows },
    ...(failures.length > 0 ? [{ kind: 'list', items: failures } as const] : []),
    ...(chart === undefined ? [] : [{ kind: 'chart', svg: chart, markdown: picture } as const]),
    madeOn(report),
  ];
}

export function madeOn({ date, machine }: { readonly date: string; readonly machine: Machine }): Block {
  return { kind: 'text', text: `${date}, ${machine.cpu}, ${machine.cores} cores, Node ${machine.node}` };
}
