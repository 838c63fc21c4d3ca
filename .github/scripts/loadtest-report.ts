/**
 * loadtest-report.ts FOLDER: the load tests of a pull request as Markdown, out of k6-<scenario>.json and comparison.json.
 * COMMIT and RUN_URL say what was tested, and where. Ends with 99 where a gate was crossed, 2
 * where the comparison decided nothing, 1 where a result is missing.
 *
 * The files come from code of the pull request, and the report is posted in our name. So nothing of theirs is copied but
 * numbers and words of a closed list, and this needs Node alone: no dependency runs beside the token that posts it.
 */
import { appendFileSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gateFigure, gateLimit, milliseconds, perSecond } from '../../loadtest/report/figures.ts';

const MAX_BYTES = 1 << 20;
const MAX_ITEMS = 50;
const SCENARIOS = ['smoke', 'steady', 'spike', 'soak'] as const;
const GATES = ['latency p95', 'latency p99', 'errors', 'wrong answers', 'dropped', 'requests'] as const;
const UNITS = ['ms', 'share', 'count'] as const;
const RULES = ['<=', '<', '>='] as const;
const OUTCOMES = ['pass', 'inconclusive', 'fail'] as const;
const DIFFERENCES = ['latency p95', 'requests/s'] as const;
const CALLS = ['slower', 'undecided', 'equal', 'faster'] as const;

interface Gate {
  readonly name: (typeof GATES)[number];
  readonly unit: (typeof UNITS)[number];
  readonly rule: (typeof RULES)[number];
  readonly measured: number;
  readonly limit: number;
  readonly passed: boolean;
}

interface Scenario {
  readonly name: string;
  readonly rate: number;
  readonly seconds: number;
  readonly gates: readonly Gate[];
}

interface Difference {
  readonly name: (typeof DIFFERENCES)[number];
  readonly base: number;
  readonly candidate: number;
  readonly slowdown: number;
  readonly from: number;
  readonly to: number;
  readonly call: (typeof CALLS)[number];
}

interface Point {
  readonly offered: number;
  readonly base: number;
  readonly candidate: number;
}

interface Comparison {
  readonly outcome: (typeof OUTCOMES)[number];
  readonly differences: readonly Difference[];
  readonly gates: readonly Gate[];
  readonly curve: readonly Point[];
}

export interface Results {
  readonly scenarios: readonly Scenario[];
  readonly comparison: Comparison | undefined;
  /** What could not be read: names of ours, each with nothing of theirs. */
  readonly missing: readonly string[];
}

export type Verdict = 'passed' | 'inconclusive' | 'failed' | 'no result';

// ---- out of files that may say anything ----

function object(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new Error('not an object');
  return value as Record<string, unknown>;
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value) || value.length > MAX_ITEMS) throw new Error('not a list, or a long one');
  return value;
}

/** JSON has no NaN: what was not measured is null. */
function number(value: unknown): number {
  return typeof value === 'number' && Math.abs(value) < 1e12 ? value : Number.NaN;
}

function oneOf<Word extends string>(words: readonly Word[], value: unknown): Word {
  const word = words.find((one) => one === value);
  if (word === undefined) throw new Error('an unknown word');
  return word;
}

function gateOf(value: unknown): Gate {
  const { name, unit, rule, measured, limit, passed } = object(value);
  return {
    name: oneOf(GATES, name),
    unit: oneOf(UNITS, unit),
    rule: oneOf(RULES, rule),
    measured: number(measured),
    limit: number(limit),
    passed: passed === true,
  };
}

function gatesOf(value: unknown): Gate[] {
  const gates = list(value).map(gateOf);
  if (GATES.some((name) => !gates.some((gate) => gate.name === name))) throw new Error('a gate is missing');
  return gates;
}

function scenarioOf(name: string, value: unknown): Scenario {
  const { load, gates } = object(value);
  const { rate, seconds } = object(load);
  return { name, rate: number(rate), seconds: number(seconds), gates: gatesOf(gates) };
}

function differenceOf(value: unknown): Difference {
  const { name, base, candidate, slowdown, interval, call } = object(value);
  const { from, to } = object(interval);
  return {
    name: oneOf(DIFFERENCES, name),
    base: number(base),
    candidate: number(candidate),
    slowdown: number(slowdown),
    from: number(from),
    to: number(to),
    call: oneOf(CALLS, call),
  };
}

function curveOf(value: unknown): Point[] {
  const { base, candidate } = object(value);
  const others = list(candidate).map(object);
  return list(base)
    .map(object)
    .map((point, index) => ({
      offered: number(point['offered']),
      base: number(point['p95Ms']),
      candidate: number(others[index]?.['p95Ms']),
    }))
    .filter((point) => Number.isFinite(point.offered + point.base + point.candidate));
}

function comparisonOf(value: unknown): Comparison {
  const { verdict, results } = object(value);
  const { outcome, differences, gates } = object(verdict);
  return {
    outcome: oneOf(OUTCOMES, outcome),
    differences: list(differences).map(differenceOf),
    gates: gatesOf(gates),
    curve: curveOf(object(results)['curves']),
  };
}

function readJson(file: string): unknown {
  const { size } = lstatSync(file);
  if (!lstatSync(file).isFile() || size > MAX_BYTES) throw new Error('not a file, or a large one');
  return JSON.parse(readFileSync(file, 'utf8'));
}

export function readResults(folder: string): Results {
  const missing: string[] = [];
  const attempt = <Value>(name: string, read: () => Value): Value | undefined => {
    try {
      return read();
    } catch {
      missing.push(name);
      return undefined;
    }
  };
  const files = attempt('the results', () => readdirSync(folder)) ?? [];
  const scenarios = SCENARIOS.filter((name) => files.includes(`k6-${name}.json`)).flatMap(
    (name) =>
      attempt(`scenario ${name}`, () => scenarioOf(name, readJson(join(folder, `k6-${name}.json`)))) ?? [],
  );
  if (scenarios.length === 0) missing.push('k6 in the cluster');
  const comparison = attempt('the comparison with the merge base', () =>
    comparisonOf(readJson(join(folder, 'comparison.json'))),
  );
  return { scenarios, comparison, missing };
}

// ---- into Markdown ----

export function verdictOf({ scenarios, comparison, missing }: Results): Verdict {
  const isCrossed = scenarios.some(({ gates }) => gates.some(({ passed }) => !passed));
  if (isCrossed || comparison?.outcome === 'fail') return 'failed';
  if (missing.length > 0) return 'no result';
  return comparison?.outcome === 'inconclusive' ? 'inconclusive' : 'passed';
}

function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  return [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function gateCell(gate: Gate | undefined): string {
  if (gate === undefined) return '-';
  const figure = gateFigure(gate.measured, gate.unit);
  return gate.passed ? figure : `**${figure}** (${gateLimit(gate)})`;
}

function scenarioTable(scenarios: readonly Scenario[]): string {
  const rows = scenarios.map(({ name, rate, seconds, gates }) => [
    `${name}, ${rate}/s for ${seconds} s`,
    ...GATES.map((gate) => gateCell(gates.find((one) => one.name === gate))),
  ]);
  return table([['k6 in the cluster', ...GATES], ...rows]);
}

function comparisonTable(differences: readonly Difference[]): string {
  const rows = differences.map(({ name, base, candidate, slowdown, from, to, call }) => {
    const figure = name === 'latency p95' ? milliseconds : perSecond;
    const interval = `${from.toFixed(3)} to ${to.toFixed(3)}`;
    return [name, figure(base), figure(candidate), `x ${slowdown.toFixed(3)}`, interval, call];
  });
  return table([['', 'merge base', 'this', 'slowdown', '95 % interval', ''], ...rows]);
}

/** GitHub draws Mermaid in comments; a picture out of an artifact has no address that one could show. */
function chart(curve: readonly Point[]): string {
  const values = (figure: keyof Point, digits: number): string =>
    curve.map((point) => point[figure].toFixed(digits)).join(', ');
  return `\`\`\`mermaid
---
config:
  themeVariables:
    xyChart:
      plotColorPalette: "#0969da, #bc4c00"
---
xychart-beta
  title "Latency p95 over load: merge base blue, this orange"
  x-axis "requests/s" [${values('offered', 0)}]
  y-axis "ms"
  line [${values('base', 1)}]
  line [${values('candidate', 1)}]
\`\`\``;
}

function comparisonText({ outcome, differences, gates, curve }: Comparison): string[] {
  const crossed = gates.filter(({ passed }) => !passed).map((gate) => `${gate.name} ${gateCell(gate)}`);
  return [
    `### Beside its merge base: ${outcome}`,
    comparisonTable(differences),
    ...(crossed.length > 0 ? [`Gates crossed: ${crossed.join(', ')}.`] : []),
    ...(curve.length > 1 ? [chart(curve)] : []),
  ];
}

export function markdownOf(results: Results, commit: string, runUrl: string): string {
  const { scenarios, comparison, missing } = results;
  return `${[
    `## Load test: ${verdictOf(results)}`,
    `Commit ${/^[0-9a-f]{40}$/.test(commit) ? commit.slice(0, 7) : 'unknown'}, [run with reports, charts and logs](${runUrl})`,
    ...(missing.length > 0 ? [`There is no result of: ${missing.join(', ')}.`] : []),
    ...(scenarios.length > 0 ? [scenarioTable(scenarios)] : []),
    ...(comparison === undefined ? [] : comparisonText(comparison)),
  ].join('\n\n')}\n`;
}

const EXIT_CODES: Readonly<Record<Verdict, number>> = {
  passed: 0,
  inconclusive: 2,
  failed: 99,
  'no result': 1,
};

function main(folder: string): void {
  const { COMMIT = '', RUN_URL = '', GITHUB_STEP_SUMMARY = '' } = process.env;
  const results = readResults(folder);
  const markdown = markdownOf(results, COMMIT, RUN_URL);
  process.stdout.write(markdown);
  if (GITHUB_STEP_SUMMARY !== '') appendFileSync(GITHUB_STEP_SUMMARY, markdown);
  process.exitCode = EXIT_CODES[verdictOf(results)];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv[2] ?? '');
