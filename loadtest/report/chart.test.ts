import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { type Chart, svgOf } from './chart.js';
import { linearScale, logScale } from './scale.js';

const chart: Chart = {
  title: 'Latency <over> load',
  subtitle: 'p95',
  xLabel: 'load (requests/s)',
  yLabel: 'latency (ms)',
  y: 'log',
  series: [
    {
      name: 'base',
      points: [
        { x: 10, y: 5 },
        { x: 50, y: 80 },
      ],
    },
    { name: 'a & b', points: [{ x: 10, y: 6, hollow: true }] },
  ],
  limit: { y: 500, name: 'the limit' },
};

describe('a chart', () => {
  it('names its axes with units and its series', () => {
    const svg = svgOf(chart);
    for (const text of [
      'load (requests/s)',
      'latency (ms)',
      '>base<',
      'a &amp; b',
      'Latency &lt;over&gt; load',
    ])
      expect(svg).toContain(text);
  });

  it('reads outside of a browser, and on a dark page: its colours are its own', async () => {
    const svg = svgOf(chart);
    expect(svg).not.toMatch(/<style|class=|var\(/);
    const { data, info } = await sharp(Buffer.from(svg))
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const inkAt = (x: number, y: number): string =>
      `#${data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3).toString('hex')}`;
    expect(inkAt(5, 5)).toBe('#ffffff');
    const [, x = '', y = ''] = /<circle fill="#0969da"[^>]* cx="([\d.]+)" cy="([\d.]+)"/.exec(svg) ?? [];
    expect(inkAt(Math.round(Number(x)), Math.round(Number(y)))).toBe('#0969da');
  });

  it('draws a point for each value, inside the plot', () => {
    const svg = svgOf(chart);
    const circles = [...svg.matchAll(/<circle fill="#0969da"[^>]* cx="([\d.]+)" cy="([\d.]+)"/g)].slice(1);
    expect(circles).toHaveLength(2);
    for (const [, x, y] of circles) {
      expect(Number(x)).toBeGreaterThanOrEqual(72);
      expect(Number(x)).toBeLessThanOrEqual(736);
      expect(Number(y)).toBeGreaterThanOrEqual(92);
      expect(Number(y)).toBeLessThanOrEqual(358);
    }
    expect(svg).toContain('<rect fill="#ffffff" stroke="#bc4c00"');
  });

  it('shows a limit that is near, and names one that is far', () => {
    expect(svgOf(chart)).toContain('the limit is off the chart');
    const near = svgOf({ ...chart, limit: { y: 90, name: 'the limit' } });
    expect(near).toContain('stroke-dasharray="3 3"');
    expect(near).not.toContain('off the chart');
  });

  it('of nothing is refused', () => {
    expect(() => svgOf({ ...chart, series: [] })).toThrow(/nothing/);
  });
});

describe('a scale', () => {
  it.each([
    [93, 5, [0, 20, 40, 60, 80, 100]],
    [0.7, 4, [0, 0.2, 0.4, 0.6, 0.8]],
    [0, 4, [0, 0.5, 1]],
  ])('to %d is marked at round numbers', (highest, ticks, expected) => {
    expect(linearScale(highest, ticks).ticks).toEqual(expected);
  });

  it('of decades reaches around the values', () => {
    expect(logScale(7, 130).ticks).toEqual([5, 10, 20, 50, 100, 200]);
    const flat = logScale(10, 10);
    expect(flat.to).toBeGreaterThan(flat.from);
    expect(logScale(1, 100).at(10)).toBeCloseTo(0.5);
  });
});
