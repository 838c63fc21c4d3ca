import { linearScale, logScale, type Scale } from './scale.js';

export interface Point {
  readonly x: number;
  readonly y: number;
  /** Drawn so that it is seen to count less. */
  readonly hollow?: boolean;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

export interface Chart {
  readonly title: string;
  readonly subtitle: string;
  /** With their units. */
  readonly xLabel: string;
  readonly yLabel: string;
  readonly y: 'linear' | 'log';
  readonly series: readonly Series[];
  /** A value of y that must not be passed; shown where it is near the data, else named in the subtitle. */
  readonly limit?: { readonly y: number; readonly name: string };
}

const WIDTH = 760;
const HEIGHT = 420;
const PLOT = { left: 72, right: 736, top: 92, bottom: 358 };
const X_TICKS = 8;
const Y_TICKS = 6;

/** Fixed colours on a background of its own, so that it reads on any page; darker where the reader's system is dark. */
const STYLE = `
  svg { --back: #ffffff; --ink: #1f2328; --faint: #59636e; --grid: #d1d9e0; --a: #0969da; --b: #bc4c00; --c: #8250df; --limit: #cf222e; }
  @media (prefers-color-scheme: dark) {
    svg { --back: #0d1117; --ink: #f0f6fc; --faint: #9198a1; --grid: #3d444d; --a: #4493f8; --b: #f0883e; --c: #ab7df8; --limit: #f85149; }
  }
  text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--ink); }
  .title { font-size: 17px; font-weight: 600; }
  .faint { fill: var(--faint); }
  .grid { stroke: var(--grid); stroke-width: 1; }
  .line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
  .s0 { stroke: var(--a); } .s1 { stroke: var(--b); stroke-dasharray: 7 4; } .s2 { stroke: var(--c); stroke-dasharray: 2 4; }
  .m0 { fill: var(--a); stroke: var(--a); } .m1 { fill: var(--b); stroke: var(--b); } .m2 { fill: var(--c); stroke: var(--c); }
  .hollow { fill: var(--back); stroke-width: 1.5; }
  .limit { stroke: var(--limit); stroke-dasharray: 3 3; } .limit-name { fill: var(--limit); }`;

/** A line chart as SVG. */
export function svgOf(chart: Chart): string {
  const points = chart.series.flatMap((series) => series.points);
  if (points.length === 0) throw new Error('a chart of nothing');
  const highest = Math.max(...points.map(({ y }) => y));
  const lowest = Math.min(...points.map(({ y }) => y));
  const limit = chart.limit !== undefined && chart.limit.y <= highest * 1.3 ? chart.limit : undefined;
  const top = Math.max(highest, limit?.y ?? 0);
  const y = chart.y === 'log' ? logScale(Math.max(lowest, 1e-3), top) : linearScale(top, Y_TICKS);
  const x = linearScale(Math.max(...points.map((point) => point.x)), X_TICKS);
  const far =
    chart.limit !== undefined && limit === undefined ? `; ${chart.limit.name} is off the chart` : '';
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="title">`,
    `<title id="title">${escaped(`${chart.title}: ${chart.subtitle}`)}</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" rx="6" style="fill: var(--back)"/>`,
    text(PLOT.left - 52, 28, chart.title, 'class="title"'),
    text(PLOT.left - 52, 49, chart.subtitle + far, 'class="faint"'),
    ...legend(chart.series),
    ...yAxis(y, chart.yLabel),
    ...xAxis(x, chart.xLabel),
    ...(limit === undefined ? [] : limitLine(limit, y)),
    ...chart.series.map((series, index) => line(series, index, x, y)),
    '</svg>',
  ].join('\n')}\n`;
}

function legend(series: readonly Series[]): string[] {
  let left = PLOT.left;
  return series.flatMap(({ name }, index) => {
    const at = left;
    left += 52 + name.length * 7.3;
    return [
      `<path class="line s${index}" d="M${at} 72h28"/>`,
      marker(at + 14, 72, index),
      text(at + 36, 76.5, name),
    ];
  });
}

function yAxis(scale: Scale, label: string): string[] {
  const ticks = scale.ticks.flatMap((tick) => {
    const y = vertical(scale, tick);
    return [
      `<path class="grid" d="M${PLOT.left} ${y}H${PLOT.right}"/>`,
      text(PLOT.left - 8, y + 4.5, String(tick), 'class="faint" text-anchor="end"'),
    ];
  });
  const middle = (PLOT.top + PLOT.bottom) / 2;
  const turned = `class="faint" text-anchor="middle" transform="rotate(-90 20 ${middle})"`;
  return [...ticks, text(20, middle, label, turned)];
}

function xAxis(scale: Scale, label: string): string[] {
  const ticks = scale.ticks.flatMap((tick) => {
    const x = horizontal(scale, tick);
    return [
      `<path class="grid" d="M${x} ${PLOT.bottom}v5"/>`,
      text(x, PLOT.bottom + 20, String(tick), 'class="faint" text-anchor="middle"'),
    ];
  });
  return [
    ...ticks,
    text((PLOT.left + PLOT.right) / 2, HEIGHT - 16, label, 'class="faint" text-anchor="middle"'),
  ];
}

function limitLine({ y, name }: { y: number; name: string }, scale: Scale): string[] {
  const at = vertical(scale, y);
  return [
    `<path class="limit" d="M${PLOT.left} ${at}H${PLOT.right}"/>`,
    text(PLOT.right, at - 6, name, 'class="limit-name" text-anchor="end"'),
  ];
}

function line({ points }: Series, index: number, x: Scale, y: Scale): string {
  const places = points.map(
    (point) => [horizontal(x, point.x), vertical(y, point.y), point.hollow === true] as const,
  );
  const path = places.map(([left, top], step) => `${step === 0 ? 'M' : 'L'}${left} ${top}`).join('');
  return [
    `<path class="line s${index}" d="${path}"/>`,
    ...places.map(([left, top, hollow]) => marker(left, top, index, hollow)),
  ].join('');
}

/** A shape of its own for each series, for those who do not see colours. */
function marker(x: number, y: number, index: number, hollow = false): string {
  const style = `class="m${index}${hollow ? ' hollow' : ''}"`;
  return index === 1
    ? `<rect ${style} x="${tenths(x - 3.5)}" y="${tenths(y - 3.5)}" width="7" height="7"/>`
    : `<circle ${style} cx="${x}" cy="${y}" r="4"/>`;
}

function horizontal(scale: Scale, value: number): number {
  return tenths(PLOT.left + (PLOT.right - PLOT.left) * scale.at(value));
}

function vertical(scale: Scale, value: number): number {
  return tenths(PLOT.bottom - (PLOT.bottom - PLOT.top) * scale.at(value));
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${x}" y="${y}"${attributes === '' ? '' : ` ${attributes}`}>${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
