import { describe, expect, it } from 'vitest';
import type { Run } from '../harness/run.js';
import { readSettings } from '../settings.js';
import { readThresholds } from '../thresholds.js';
import { blocksOf } from './document.js';
import { htmlOf } from './html.js';
import { markdownOf } from './markdown.js';
import { type Report, reportOf } from './report.js';
import { textOf } from './text.js';

const answer = { atMs: 0, lateMs: 0.2, latencyMs: 12, stages: { decode: 3, inference: 6 } };
const good: Run = {
  samples: Array.from({ length: 100 }, () => answer),
  dropped: 0,
  seconds: 10,
  aborted: false,
};
const bad: Run = {
  ...good,
  dropped: 4,
  samples: [
    ...good.samples,
    { atMs: 0, lateMs: 30, latencyMs: 1, failure: '503 NOT_READY' },
    { ...answer, lateMs: 30, wrong: { image: '7-blocks.png', expected: '7', answered: '1' } },
  ],
};

function report(run: Run): Report {
  return reportOf(run, {
    settings: readSettings({ API_KEY: 'hidden' }),
    thresholds: readThresholds(),
    model: 'digits 1.0.0',
    images: 12,
  });
}

describe('the report', () => {
  it('passes where every gate is kept', () => {
    expect(report(good)).toMatchObject({ passed: true, aborted: false, model: 'digits 1.0.0' });
    const text = textOf(report(good));
    expect(text).toMatch(/PASSED$/);
    expect(text).toMatch(/ok +latency p95 +12\.0 ms +at most 500 ms/);
    expect(text).toMatch(/inference .* 50 %/);
    expect(text).not.toMatch(/FAIL|generator/);
  });

  it('says what failed, what was wrong and what the generator did to it', () => {
    expect(report(bad).passed).toBe(false);
    const text = textOf(report(bad));
    expect(text).toMatch(/FAILED: wrong answers, dropped$/);
    expect(text).toContain('1 x 503 NOT_READY');
    expect(text).toContain('7-blocks.png is 7, answered 1');
    expect(text).toMatch(/generator was up to 30\.0 ms late/);
  });

  it('fails where the run ended early, whatever the gates say', () => {
    expect(report({ ...good, aborted: true }).passed).toBe(false);
  });

  it('as Markdown has every gate, and the chart', () => {
    const markdown = markdownOf(blocksOf(report(bad), '<svg/>'));
    expect(markdown).toMatch(/^## Load test steady: failed/);
    expect(markdown).toContain('| **crossed** | dropped | 4 | at most 0 |');
    expect(markdown).toContain('| ok | latency p95 |');
    expect(markdown).toContain('(steady.svg)');
  });

  it('as HTML has the same in one file, and lets nobody write into it', () => {
    const failed = { ...report(bad), target: 'http://<script>alert(1)</script>' };
    const html = htmlOf(blocksOf(failed, '<svg/>'));
    expect(html).toContain('<title>Load test steady: failed</title>');
    expect(html).toContain('<td><strong>crossed</strong></td><td>dropped</td><td>4</td><td>at most 0</td>');
    expect(html).toContain('<li>1 x <code>503 NOT_READY</code></li>');
    expect(html).toContain('<svg/>');
    expect(html).not.toMatch(/<script|<link|<img|src=|@import|url\(/);
  });

  it('keeps secrets to itself', () => {
    expect(JSON.stringify(report(good)) + textOf(report(good))).not.toContain('hidden');
  });
});
