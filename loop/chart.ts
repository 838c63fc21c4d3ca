import type { Point } from './prometheus.js';
import type { Performance } from './run.js';

const WIDTH = 960;
const LEFT = 56;
const RIGHT = 16;
const PANEL = 150;
const TOP = 44;
const GAP = 76;
/** Between two names of lines. */
const LEGEND = 190;
const HEIGHT = TOP + 2 * PANEL + GAP + 40;
/** Population stability indices are drawn by their logarithm, between these. */
const LEAST_PSI = 0.01;
const MOST_PSI = 10;
/** Above it the alerts fire. */
const PSI_LIMIT = 0.25;
/** Events nearer than this to the first of them, in pixels, have their numbers written as one range. */
const NEAR = 20;

type Scale = (value: number) => number;

interface Line {
  readonly name: string;
  readonly style: 'first' | 'second' | 'third';
  readonly points: readonly Point[];
}

interface Panel {
  readonly top: number;
  readonly title: string;
  readonly lines: readonly Line[];
  readonly y: Scale;
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
  readonly limit?: number;
}

/** Accuracy, drift and events over time, as SVG; the events are numbered as in the table below it. */
export function chart({ play, series, events, startedAt, seconds }: Performance): string {
  const x: Scale = (at) => LEFT + ((at - startedAt) / (seconds * 1000 || 1)) * (WIDTH - LEFT - RIGHT);
  const panels = [accuracyPanel(series), psiPanel(series)];
  const title = `chart-${play.name}`;
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="${title} ${title}-text">
<title id="${title}">Accuracy and drift over time</title>
<desc id="${title}-text">${panels.flatMap(({ lines }) => lines.map(inWords)).join(' ')} The numbered events are in the table below.</desc>
${marks(events, x)}
${panels.map((panel) => drawn(panel, x)).join('\n')}
${timeAxis(seconds, x, startedAt)}
</svg>`;
}

function accuracyPanel({ accuracy, judgedAccuracy }: Performance['series']): Panel {
  return {
    top: TOP,
    title: 'accuracy',
    y: (share) => TOP + PANEL * (1 - share),
    ticks: [0, 0.5, 1].map((value) => ({ value, text: `${100 * value} %` })),
    lines: [
      { name: 'accuracy', style: 'first', points: accuracy },
      { name: 'the same by feedback', style: 'second', points: judgedAccuracy },
    ],
  };
}

function psiPanel({ imagesPsi, answersPsi, brokenShare }: Performance['series']): Panel {
  const top = TOP + PANEL + GAP;
  const y: Scale = (psi) => {
    const within = Math.min(MOST_PSI, Math.max(LEAST_PSI, psi));
    return top + (PANEL * Math.log(MOST_PSI / within)) / Math.log(MOST_PSI / LEAST_PSI);
  };
  return {
    top,
    title: 'population stability index, logarithmic (alerts above 0.25), and share of broken images',
    y,
    ticks: [LEAST_PSI, 0.1, 1, MOST_PSI].map((value) => ({ value, text: String(value) })),
    limit: PSI_LIMIT,
    lines: [
      { name: 'PSI of images', style: 'first', points: imagesPsi },
      { name: 'PSI of answers', style: 'second', points: answersPsi },
      { name: 'share of broken images', style: 'third', points: brokenShare },
    ],
  };
}

function drawn({ top, title, lines, y, ticks, limit }: Panel, x: Scale): string {
  const grid = ticks.map(
    ({ value, text }) =>
      `<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y(value))}" y2="${round(y(value))}"/><text x="${LEFT - 6}" y="${round(y(value) + 4)}" text-anchor="end">${text}</text>`,
  );
  const across =
    limit === undefined
      ? ''
      : `<line class="limit" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y(limit))}" y2="${round(y(limit))}"/>`;
  const legend = lines.map(
    ({ name, style }, index) =>
      `<path class="${style}" d="M${LEFT + index * LEGEND} ${top - 12}h24"/><text x="${LEFT + 28 + index * LEGEND}" y="${top - 8}">${name}</text>`,
  );
  const paths = lines.map(({ style, points }) => `<path class="${style}" d="${pathOf(points, x, y)}"/>`);
  return [`<text x="${LEFT}" y="${top - 26}">${title}</text>`, ...grid, across, ...paths, ...legend].join(
    '\n',
  );
}

function pathOf(points: readonly Point[], x: Scale, y: Scale): string {
  return points
    .map(({ at, value }, index) => `${index === 0 ? 'M' : 'L'}${round(x(at))} ${round(y(value))}`)
    .join('');
}

function marks(events: Performance['events'], x: Scale): string {
  const groups: { left: number; first: number; last: number }[] = [];
  const lines = events.map(({ at }, index) => {
    const left = round(x(at));
    const group = groups.at(-1);
    if (group !== undefined && left - group.left < NEAR) group.last = index + 1;
    else groups.push({ left, first: index + 1, last: index + 1 });
    return [TOP, TOP + PANEL + GAP]
      .map((top) => `<line class="mark" x1="${left}" x2="${left}" y1="${top}" y2="${top + PANEL}"/>`)
      .join('');
  });
  const numbers = groups.map(({ left, first, last }, index) => {
    const text = first === last ? String(first) : `${first}–${last}`;
    return `<text x="${left}" y="${TOP + PANEL + 14 + 14 * (index % 2)}" text-anchor="middle">${text}</text>`;
  });
  return [...lines, ...numbers].join('\n');
}

function timeAxis(seconds: number, x: Scale, startedAt: number): string {
  const step = [10, 30, 60, 120, 300].find((each) => seconds / each <= 12) ?? 600;
  const times = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, n) => n * step);
  return times
    .map(
      (time) =>
        `<text x="${round(x(startedAt + time * 1000))}" y="${TOP + 2 * PANEL + GAP + 20}" text-anchor="middle">${time} s</text>`,
    )
    .join('\n');
}

/** What a line shows, for who does not see it. */
function inWords({ name, points }: Line): string {
  const values = points.map(({ value }) => value);
  const [first, last] = [values[0], values.at(-1)];
  if (first === undefined || last === undefined) return `${name}: nothing measured.`;
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${name}: at first ${figure(first)}, at last ${figure(last)}, between ${figure(least)} and ${figure(most)}.`;
}

function figure(value: number): string {
  return value.toFixed(2);
}

function round(value: number): number {
  return Math.round(10 * value) / 10;
}
