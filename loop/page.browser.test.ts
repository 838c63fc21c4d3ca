import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import {
  axeFindings,
  closeBrowserAtEnd,
  PHONE,
  visitUrl,
} from '../service/playground/tests/browser.test-support.js';
import { page as pageOf } from './page.js';
import { performance } from './performance.test-support.js';

const folder = mkdtempSync(join(tmpdir(), 'cv-loop-page-'));
const url = pathToFileURL(join(folder, 'page.html')).href;
const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
const checks = [{ promise: 'the model of the commit is served', isKept: false, detail: digest }];
const worse = { ...performance().play, name: 'worse-challenger' };
writeFileSync(
  join(folder, 'page.html'),
  pageOf([performance(), performance({ play: worse, isGood: false, checks })]),
);

describe('the page in a browser', () => {
  closeBrowserAtEnd();
  afterAll(() => rmSync(folder, { recursive: true }));

  for (const [width, options] of Object.entries({ desktop: {}, phone: PHONE })) {
    it.each(['light', 'dark'] as const)(`fits, and has no barrier: ${width}, %s`, async (colorScheme) => {
      const { page } = await visitUrl(url, { ...options, colorScheme });
      const wider = await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      expect(wider).toBeLessThanOrEqual(0);
      expect(await axeFindings(page)).toEqual([]);
    });
  }
});
