import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { PACKAGE_ROOT } from '../package-root.js';
import { svgOf } from './chart.js';
import { markdownOf } from './markdown.js';
import type { Report } from './report.js';

/** Writes files into a folder, which it makes. Returns where they are. */
export async function writeFiles(
  folder: string,
  contents: Readonly<Record<string, string>>,
): Promise<string> {
  const path = resolve(PACKAGE_ROOT, folder);
  await mkdir(path, { recursive: true });
  await Promise.all(Object.entries(contents).map(([name, text]) => writeFile(join(path, name), text)));
  return Object.keys(contents)
    .map((name) => relative(process.cwd(), join(path, name)))
    .join(', ');
}

export async function writeReport(folder: string, report: Report, limitMs: number): Promise<string> {
  const name = report.load.scenario;
  const json = { [`${name}.json`]: `${JSON.stringify(report, undefined, 2)}\n` };
  if (report.results.timeline.length === 0) {
    return writeFiles(folder, { ...json, [`${name}.md`]: markdownOf(report) });
  }
  const chart = `${name}.svg`;
  return writeFiles(folder, {
    ...json,
    [`${name}.md`]: markdownOf(report, chart),
    [chart]: timeChart(report, limitMs),
  });
}

function timeChart({ load, target, results }: Report, limitMs: number): string {
  const series = (
    name: string,
    pick: 'p50Ms' | 'p95Ms',
  ): { name: string; points: { x: number; y: number }[] } => ({
    name,
    points: results.timeline.map((slice) => ({ x: slice.atSeconds, y: slice[pick] })),
  });
  return svgOf({
    title: `Latency over time, ${load.scenario}`,
    subtitle: `${load.rate} requests/s${load.stages.length > 1 ? ' at the peak' : ''}, ${target}`,
    xLabel: 'time (s)',
    yLabel: 'latency (ms)',
    y: 'linear',
    series: [series('95th percentile', 'p95Ms'), series('median', 'p50Ms')],
    limit: { y: limitMs, name: `the limit of ${limitMs} ms` },
  });
}
