import { type Block, quoted } from '../report/blocks.js';
import { type Chart, type Point, svgOf } from '../report/chart.js';
import { madeOn } from '../report/document.js';
import { columns, gateTable, milliseconds, percent, perSecond } from '../report/figures.js';
import type { Machine } from '../report/report.js';
import type { Comparison, LoadPoint, Side, Sides } from './rounds.js';
import type { Difference, Verdict } from './verdict.js';

/** Everything about one comparison; as JSON it is what other tools read. */
export interface ComparisonReport {
  readonly date: string;
  readonly machine: Machine;
  readonly base: string;
  readonly candidate: string;
  readonly images: number;
  readonly upload: string;
  readonly roundSeconds: number;
  readonly verdict: Verdict;
  readonly results: Comparison;
}

const SIDES: readonly Side[] = ['base', 'candidate'];
/** Beyond it a point does not show what the server can do any more, only how long its queue is. */
const MOST_UNANSWERED = 0.01;

export function textOf(report: ComparisonReport): string {
  const { verdict } = report;
  return [
    `base       ${report.base}\ncandidate  ${report.candidate}`,
    `${roundsText(report)}; in brackets where the median lies with 95 % confidence`,
    columns([
      ['', 'base', 'candidate', 'slowdown', '', ''],
      ...verdict.differences.map((each) => [`  ${each.name}`, ...cells(each)]),
    ]),
    stages(report),
    gateTable(verdict.gates),
    columns([
      ['requests/s', 'p50 base', 'candidate', 'p95 base', 'candidate'],
      ...curveRows(report.results.curves),
    ]),
    `${WORDS[verdict.outcome].toUpperCase()}${verdict.reasons.length > 0 ? `: ${verdict.reasons.join('; ')}` : ''}`,
  ].join('\n\n');
}

/** @param chart SVG; on a pull request no picture of ours could be linked to, so that in Markdown the chart is Mermaid's */
export function blocksOf(report: ComparisonReport, chart: string): Block[] {
  const { verdict, results } = report;
  const gates = verdict.gates.map((gate) => `${gate.passed ? 'ok' : '**crossed**'}: ${gate.name}`).join(', ');
  return [
    { kind: 'heading', text: `Load comparison: ${sentenceOf(verdict)}` },
    {
      kind: 'text',
      text: `Base: ${quoted(report.base)}. Candidate: ${quoted(report.candidate)}. ${roundsText(report)}.`,
    },
    {
      kind: 'table',
      head: ['', 'base', 'candidate', 'slowdown', '95 % interval', ''],
      rows: verdict.differences.map((each) => [each.name, ...cells(each)]),
    },
    { kind: 'text', text: `Gates of the candidate: ${gates}.` },
    { kind: 'chart', svg: chart, markdown: mermaidOf(results.curves) },
    {
      kind: 'table',
      head: ['requests/s', 'p50 base', 'p50 candidate', 'p95 base', 'p95 candidate'],
      rows: curveRows(results.curves),
    },
    madeOn(report),
  ];
}

/** As the harness says of one server. */
const WORDS: Readonly<Record<Verdict['outcome'], string>> = {
  pass: 'passed',
  inconclusive: 'inconclusive',
  fail: 'failed',
};

function sentenceOf({ outcome, reasons }: Verdict): string {
  return `${WORDS[outcome]}${reasons.length > 0 ? ` (${reasons.join('; ')})` : ''}`;
}

function mermaidOf({ base, candidate }: Sides<readonly LoadPoint[]>): string {
  const pairs = base.flatMap((point, index) => {
    const other = candidate[index];
    if (other === undefined || !Number.isFinite(point.p95Ms + other.p95Ms)) return [];
    return [{ offered: point.offered, base: point.p95Ms, candidate: other.p95Ms }];
  });
  const list = (figure: 'offered' | Side): string =>
    pairs.map((pair) => pair[figure].toFixed(figure === 'offered' ? 0 : 1)).join(', ');
  return `\`\`\`mermaid
---
config:
  themeVariables:
    xyChart:
      plotColorPalette: "#0969da, #bc4c00"
---
xychart-beta
  title "Latency p95 over load: base blue, candidate orange"
  x-axis "requests/s" [${list('offered')}]
  y-axis "ms"
  line [${list('base')}]
  line [${list('candidate')}]
\`\`\``;
}

function roundsText({ results, roundSeconds, images, upload }: ComparisonReport): string {
  return `${results.rounds.length} rounds, latency at ${results.rate} requests/s for ${roundSeconds} s each, ${images} ${images === 1 ? 'image' : 'images'}, ${upload}`;
}

function cells({ unit, base, candidate, slowdown, interval, call }: Difference): string[] {
  const figure = unit === 'ms' ? milliseconds : perSecond;
  return [
    figure(base),
    figure(candidate),
    `x ${slowdown.toFixed(3)}`,
    `(${interval.from.toFixed(3)} to ${interval.to.toFixed(3)})`,
    call,
  ];
}

/** Where each of them spends its time, as far as it says so. */
function stages({ results }: ComparisonReport): string {
  const names = [...new Set(SIDES.flatMap((side) => Object.keys(results.totals[side].stagesMs)))];
  const mean = (side: Side, name: string): string => {
    const timings: Readonly<Record<string, { mean: number } | undefined>> = results.totals[side].stagesMs;
    return milliseconds(timings[name]?.mean ?? Number.NaN);
  };
  return columns([
    ['  mean time', ...SIDES],
    ...names.map((name) => [`  ${name}`, ...SIDES.map((side) => mean(side, name))]),
    ['  in all', ...SIDES.map((side) => milliseconds(results.totals[side].latencyMs.mean))],
  ]);
}

function curveRows({ base, candidate }: Sides<readonly LoadPoint[]>): string[][] {
  return base.map((point, index) => {
    const other = candidate[index];
    return [
      String(point.offered),
      show(point, 'p50Ms'),
      show(other, 'p50Ms'),
      show(point, 'p95Ms'),
      show(other, 'p95Ms'),
    ];
  });
}

function show(point: LoadPoint | undefined, figure: 'p50Ms' | 'p95Ms'): string {
  if (point === undefined) return '-';
  const note = point.unanswered > MOST_UNANSWERED ? ` (${percent(point.unanswered, 0)} not answered)` : '';
  return milliseconds(point[figure]) + note;
}

export function chartOf({ results, base, candidate }: ComparisonReport, limitMs: number): string {
  const points = (side: Side): Point[] =>
    results.curves[side]
      .filter(({ p95Ms }) => Number.isFinite(p95Ms))
      .map(({ offered, p95Ms, unanswered }) => ({
        x: offered,
        y: p95Ms,
        hollow: unanswered > MOST_UNANSWERED,
      }));
  const chart: Chart = {
    title: 'Latency over load',
    subtitle: 'p95 at a constant arrival rate; hollow: over 1 % unanswered',
    xLabel: 'load (requests/s)',
    yLabel: 'latency (ms), logarithmic',
    y: 'log',
    series: [
      { name: `base: ${shortened(base)}`, points: points('base') },
      { name: `candidate: ${shortened(candidate)}`, points: points('candidate') },
    ],
    limit: { y: limitMs, name: `the limit of ${limitMs} ms` },
  };
  return svgOf(chart);
}

function shortened(name: string): string {
  return name.length > 32 ? `${name.slice(0, 31)}…` : name;
}
