import { describe, expect, it } from 'vitest';
import { SHORT } from './pace.js';
import { page } from './page.js';
import type { Performance } from './run.js';

const AT = Date.UTC(2026, 10, 23);
const POINTS = [
  { at: AT, value: 0.98 },
  { at: AT + 60_000, value: 0.5 },
];

const performance = (changes: Partial<Performance> = {}): Performance => ({
  play: { name: 'drift', title: 'A camera drifts', moral: 'it is mended', perform: async () => [] },
  pace: SHORT,
  startedAt: AT,
  seconds: 60,
  events: [{ at: AT + 30_000, actor: 'alert', text: 'Drift <fires> & "more"' }],
  checks: [{ promise: 'one dispatch', isKept: true, detail: 'one' }],
  series: {
    accuracy: POINTS,
    judgedAccuracy: [],
    imagesPsi: [{ at: AT, value: 0 }],
    answersPsi: [{ at: AT, value: 1000 }],
    brokenShare: [],
  },
  isGood: true,
  ...changes,
});

describe('the page', () => {
  it('needs nothing beside itself', () => {
    expect(page([performance()])).not.toMatch(/(src|href)="(?!#)|@import|url\(|<script/);
  });

  it('says of each play how it went, and of all', () => {
    const text = page([performance(), performance({ isGood: false })]);
    expect(text).toContain('1 of 2 plays went as they must');
    expect(text).toMatch(/A camera drifts: <span class="fail">broken/);
  });

  it('shows what it was told as text, never as markup', () => {
    const text = page([performance()]);
    expect(text).toContain('Drift &#60;fires&#62; &#38; &#34;more&#34;');
    expect(text).not.toContain('<fires>');
  });

  it('tells in words what the chart shows', () => {
    const text = page([performance()]);
    expect(text).toContain('role="img"');
    expect(text).toContain('accuracy: at first 0.98, at last 0.50, between 0.50 and 0.98.');
    expect(text).toContain('the same by feedback: nothing measured.');
  });

  it('draws numbers that are beyond its scale at its edge, and none that is no number', () => {
    expect(page([performance()])).not.toMatch(/NaN|Infinity/);
  });

  it('can be made of a play that ended before it began', () => {
    expect(
      page([performance({ seconds: 0, events: [], series: { ...performance().series, accuracy: [] } })]),
    ).not.toMatch(/NaN|Infinity/);
  });

  it('has colours for light and for dark', () => {
    expect(page([])).toContain('prefers-color-scheme: dark');
  });
});
