import { describe, expect, it } from 'vitest';
import { page } from './page.js';
import { performance } from './performance.test-support.js';

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

  it('can be scrolled by keys where a phone is narrower than the chart, and names its columns and main part', () => {
    const text = page([performance()]);
    expect(text).toContain('<figure tabindex="0">');
    expect(text).not.toContain('<th></th>');
    expect(text).toMatch(/<main>\n<h1>.*<\/section>\n<\/main>/s);
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
