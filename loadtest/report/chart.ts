import { escaped } from './html.js';
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

/**
 * Attributes alone, on a background of its own: style sheets and their variables are for browsers, and what turns the
 * picture into a PDF or a preview draws them black.
 */
const INK = { back: '#ffffff', text: '#1f2328', faint: '#59636e', grid: '#d1d9e0', limit: '#cf222e' };
const TITLE = 'font-size="17" font-weight="600"';
const FAINT = `fill="${INK.faint}"`;
/** A dash of its own for each series, for those who do not see colours. */
const SERIES = [
  { ink: '#0969da', dash: '' },
  { ink: '#bc4c00', dash: ' stroke-dasharray="7 4"' },
  { ink: '#8250df', dash: ' stroke-dasharray="2 4"' },
];

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
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, 'Segoe UI', Roboto, sans-serif" font-size="13" fill="${INK.text}" role="img" aria-labelledby="title">`,
    `<title id="title">${escaped(`${chart.title}: ${chart.subtitle}`)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" rx="6" fill="${INK.back}"/>`,
    text(PLOT.left - 52, 28, chart.title, TITLE),
    text(PLOT.left - 52, 49, chart.subtitle + far, FAINT),
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
    return [stroke(index, `M${at} 72h28`), marker(at + 14, 72, index), text(at + 36, 76.5, name)];
  });
}

function yAxis(scale: Scale, label: string): string[] {
  const ticks = scale.ticks.flatMap((tick) => {
    const y = vertical(scale, tick);
    return [
      `<path stroke="${INK.grid}" d="M${PLOT.left} ${y}H${PLOT.right}"/>`,
      text(PLOT.left - 8, y + 4.5, String(tick), `${FAINT} text-anchor="end"`),
    ];
  });
  const middle = (PLOT.top + PLOT.bottom) / 2;
  const turned = `${FAINT} text-anchor="middle" transform="rotate(-90 20 ${middle})"`;
  return [...ticks, text(20, middle, label, turned)];
}

function xAxis(scale: Scale, label: string): string[] {
  const ticks = scale.ticks.flatMap((tick) => {
    const x = horizontal(scale, tick);
    return [
      `<path stroke="${INK.grid}" d="M${x} ${PLOT.bottom}v5"/>`,
      text(x, PLOT.bottom + 20, String(tick), `${FAINT} text-anchor="middle"`),
    ];
  });
  return [...ticks, text((PLOT.left + PLOT.right) / 2, HEIGHT - 16, label, `${FAINT} text-anchor="middle"`)];
}

function limitLine({ y, name }: { y: number; name: string }, scale: Scale): string[] {
  const at = vertical(scale, y);
  return [
    `<path stroke="${INK.limit}" stroke-dasharray="3 3" d="M${PLOT.left} ${at}H${PLOT.right}"/>`,
    text(PLOT.right, at - 6, name, `fill="${INK.limit}" text-anchor="end"`),
  ];
}

function line({ points }: Series, index: number, x: Scale, y: Scale): string {
  const places = points.map(
    (point) => [horizontal(x, point.x), vertical(y, point.y), point.hollow === true] as const,
  );
  const path = places.map(([left, top], step) => `${step === 0 ? 'M' : 'L'}${left} ${top}`).join('');
  return [stroke(index, path), ...places.map(([left, top, hollow]) => marker(left, top, index, hollow))].join(
    '',
  );
}

function stroke(index: number, path: string): string {
  const { ink, dash } = styleOf(index);
  return `<path fill="none" stroke="${ink}" stroke-width="2.5" stroke-linejoin="round"${dash} d="${path}"/>`;
}

/** A shape of its own for each series too. */
function marker(x: number, y: number, index: number, hollow = false): string {
  const { ink } = styleOf(index);
  const style = `fill="${hollow ? INK.back : ink}" stroke="${ink}" stroke-width="${hollow ? 1.5 : 1}"`;
  return index === 1
    ? `<rect ${style} x="${tenths(x - 3.5)}" y="${tenths(y - 3.5)}" width="7" height="7"/>`
    : `<circle ${style} cx="${x}" cy="${y}" r="4"/>`;
}

function styleOf(index: number): { readonly ink: string; readonly dash: string } {
  return SERIES[index] ?? { ink: INK.text, dash: '' };
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
