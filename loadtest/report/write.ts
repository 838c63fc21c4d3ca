import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { PACKAGE_ROOT } from '../package-root.js';
import type { Block } from './blocks.js';
import { svgOf } from './chart.js';
import { blocksOf } from './document.js';
import { htmlOf } from './html.js';
import { markdownOf } from './markdown.js';
import type { Report } from './report.js';

/**
 * Writes a report as JSON, Markdown and HTML, and its chart, into a folder, which it makes. Returns where they are.
 * @param chart SVG, where there is one
 */
export async function writeFiles(
  folder: string,
  name: string,
  report: object,
  blocks: readonly Block[],
  chart?: string,
): Promise<string> {
  const contents: Readonly<Record<string, string>> = {
    [`${name}.json`]: `${JSON.stringify(report, undefined, 2)}\n`,
    [`${name}.md`]: markdownOf(blocks),
    [`${name}.html`]: htmlOf(blocks),
    ...(chart !== undefined && { [`${name}.svg`]: chart }),
  };
  const path = resolve(PACKAGE_ROOT, folder);
  await mkdir(path, { recursive: true });
  await Promise.all(Object.entries(contents).map(([file, text]) => writeFile(join(path, file), text)));
  return Object.keys(contents)
    .map((file) => relative(process.cwd(), join(path, file)))
    .join(', ');
}

export function writeReport(folder: string, report: Report, limitMs: number): Promise<string> {
  const chart = report.results.timeline.length === 0 ? undefined : timeChart(report, limitMs);
  return writeFiles(folder, report.load.scenario, report, blocksOf(report, chart), chart);
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
