import { execFile } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { App } from '../../app.js';
import { PACKAGE_ROOT } from '../../package-files.js';
import { createAppFor, startApp } from '../../test/support/app.js';
import { plainPng } from '../../test/support/images.js';
import { temporaryFolder } from '../../test/support/models.js';
import {
  axeFindings,
  closeBrowserAtEnd,
  PHONE,
  slide,
  visit,
  waitForHeadline,
} from './browser.test-support.js';

closeBrowserAtEnd();
const GOLDEN = join(PACKAGE_ROOT, 'service/models/digits/golden');
const FINDER = join(PACKAGE_ROOT, 'service/models/digit-finder');
const SEVEN = join(GOLDEN, '7-blocks.png');
const SPOKEN_WITHIN = { timeout: 10_000 };
const load = (app: App): Promise<void> => app.loadModel(new AbortController().signal);
/** What browsers write down of any answer that is an error. */
const status = (code: number): RegExp => new RegExp(`^console: Failed to load resource:.* ${code} `);

describe('an error', () => {
  it('is told as a person reads it, and gone with the next image', async () => {
    const { page } = await visit(await startApp(), {}, [status(415)]);
    await waitForHeadline(page, '0');
    await page.locator('#file').setInputFiles(join(PACKAGE_ROOT, 'package.json'));
    const alert = page.getByRole('alert');
    await alert.waitFor();
    expect(await alert.textContent()).toMatch(
      /^Unsupported Media Type.*IMAGE_TYPE_UNSUPPORTED request [\w-]+$/,
    );
    expect(await page.locator('.headline').count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Try again' }).count()).toBe(0);
    expect(await axeFindings(page)).toEqual([]);
    await page.locator('#file').setInputFiles(SEVEN);
    await waitForHeadline(page, '7');
    expect(await alert.count()).toBe(0);
  });

  it('that will pass counts down to the next try', async () => {
    const { page } = await visit(await startApp({ RATE_LIMIT_PER_MINUTE: '2' }), {}, [status(429)]);
    await waitForHeadline(page, '0');
    await slide(page, 'top_k', 4);
    await page.locator('.bars li').nth(3).waitFor();
    await slide(page, 'top_k', 5);
    const again = page.getByRole('button', { name: /^Try again in \d+ s$/ });
    await again.waitFor();
    expect(await again.isDisabled()).toBe(true);
    expect(await page.getByRole('alert').textContent()).toContain('2 requests per minute are allowed.');
    const seconds = async () => Number((await again.textContent())?.match(/\d+/)?.[0]);
    const first = await seconds();
    await expect.poll(seconds).toBeLessThan(first);
    expect(await axeFindings(page)).toEqual([]);
  });

  it('about a photo over the limit says so, though the answer comes before all of it is sent', async () => {
    const { page } = await visit(await startApp({ MAX_IMAGE_BYTES: '100000' }), {}, [status(413)]);
    await waitForHeadline(page, '0');
    const photo = join(await temporaryFolder(), 'photo.jpg');
    writeFileSync(photo, Buffer.alloc(30_000_000, readFileSync(join(GOLDEN, '3-photo.jpg'))));
    await page.locator('#file').setInputFiles(photo);
    const alert = page.getByRole('alert');
    await alert.waitFor();
    expect(await alert.textContent()).toMatch(/ 100000 .*IMAGE_TOO_LARGE/);
    expect(await page.getByRole('button', { name: 'Try again' }).count()).toBe(0);
  });

  it('is also that there is no answer; then the next try may have one', async () => {
    const { page, url } = await visit(await startApp(), {}, [/ERR_FAILED/]);
    await waitForHeadline(page, '0');
    await page.route(`${url}predict*`, (route) => route.abort());
    await page.locator('#file').setInputFiles(SEVEN);
    await page.getByRole('alert').filter({ hasText: 'The service cannot be reached' }).waitFor();
    await page.unroute(`${url}predict*`);
    await page.getByRole('button', { name: 'Try again' }).click();
    await waitForHeadline(page, '7');
  });
});

describe('a model', () => {
  it('that is still being loaded is waited for', async () => {
    const app = await createAppFor();
    const { page } = await visit(app, {}, [status(503)]);
    await page.getByRole('alert').filter({ hasText: 'The model is still being loaded.' }).waitFor();
    expect(await page.locator('#state').textContent()).toBe('Not ready');
    await load(app);
    await waitForHeadline(page, '0');
    expect(await page.locator('#state').textContent()).toBe('Ready');
  });
});

describe('API keys', () => {
  it('are asked for, kept in the tab alone, and forgotten when that is asked for', async () => {
    const { page, url } = await visit(await startApp({ API_KEYS: 'right' }), {}, [status(401)]);
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    expect(await dialog.textContent()).toContain('This service asks for an API key.');
    expect(await axeFindings(page)).toEqual([]);
    await page.getByLabel('Key', { exact: true }).fill('wrong');
    await page.keyboard.press('Enter');
    await dialog.filter({ hasText: 'That key was refused.' }).waitFor();
    await page.getByLabel('Key', { exact: true }).fill('right');
    await page.getByRole('button', { name: 'Use the key' }).click();
    await waitForHeadline(page, '0');
    expect(await page.locator('#code pre').textContent()).toContain('-H "X-API-Key: $API_KEY"');
    expect(await page.locator('body').textContent()).not.toContain('right"');
    const kept = await page.evaluate(() => [
      Object.values(sessionStorage),
      { ...localStorage },
      document.cookie,
    ]);
    expect(kept).toEqual([['right'], {}, '']);
    expect(await page.context().cookies(url)).toEqual([]);
    await page.getByRole('button', { name: 'API key set' }).click();
    await page.getByRole('button', { name: 'Forget the key' }).click();
    await expect.poll(() => page.evaluate(() => sessionStorage.length)).toBe(0);
  });

  it('are asked for in each tab again', async () => {
    const { page, url } = await visit(await startApp({ API_KEYS: 'right' }), {}, [status(401)]);
    await page.getByLabel('Key', { exact: true }).fill('right');
    await page.keyboard.press('Enter');
    await waitForHeadline(page, '0');
    const tab = await page.context().newPage();
    await tab.goto(url);
    await tab.getByRole('dialog').filter({ hasText: 'This service asks for an API key.' }).waitFor();
    expect(await tab.locator('.headline').count()).toBe(0);
  });

  it('that nobody gives leave a page that says so', async () => {
    const { page } = await visit(await startApp({ API_KEYS: 'right' }), {}, [status(401)]);
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('alert').filter({ hasText: 'UNAUTHORIZED' }).waitFor();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('dialog').waitFor();
  });
});

describe('feedback', () => {
  it('says that the answer is right, or what it should have been', async () => {
    const app = await startApp({ CAPTURE_TO: await temporaryFolder() });
    const { page } = await visit(app);
    await waitForHeadline(page, '0');
    await page.getByRole('button', { name: 'Yes' }).click();
    await page.getByText('Kept: the answer was right.').waitFor();
    await page.getByRole('button', { name: /3-photo/ }).click();
    await waitForHeadline(page, '3');
    await page.getByRole('button', { name: 'No', exact: true }).click();
    await page.getByLabel('What it is').selectOption('4');
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Kept: the answer was wrong.').waitFor();
    expect(await feedbackCounts(app)).toEqual({ correct: 1, wrong: 1 });
  });

  it('corrects labels of objects and removes those that are not there', async () => {
    const app = await startApp({ MODEL_URI: FINDER, CAPTURE_TO: await temporaryFolder() });
    const { page } = await visit(app);
    await waitForHeadline(page, '7 objects');
    await page.getByRole('button', { name: 'No', exact: true }).click();
    await page.getByLabel('Object 2').selectOption('not there');
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Kept: the answer was wrong.').waitFor();
    expect(await feedbackCounts(app)).toEqual({ wrong: 1 });
  });

  it('is not asked for where it is not taken', async () => {
    const { page } = await visit(await startApp());
    await waitForHeadline(page, '0');
    expect(await page.locator('#feedback').textContent()).toBe('');
  });

  async function feedbackCounts({ server }: App): Promise<Record<string, number>> {
    const { body } = await server.inject('/metrics');
    const lines = body.matchAll(/^cv_feedback_total\{.*verdict="(\w+)".*\} (\d+)$/gm);
    return Object.fromEntries(
      [...lines].map(([, verdict, count]) => [verdict, Number(count)]).filter(([, count]) => count !== 0),
    );
  }
});

describe('the live state', () => {
  const tile = (page: Page, name: string) => page.locator('.tile', { hasText: name }).locator('.tile-value');

  it('counts requests while it is looked at', async () => {
    const { page } = await visit(await startApp());
    await waitForHeadline(page, '0');
    await expect.poll(() => tile(page, 'Requests').textContent()).toBe('1');
    await page.locator('#file').setInputFiles(SEVEN);
    await waitForHeadline(page, '7');
    await expect.poll(() => tile(page, 'Requests').textContent()).toBe('2');
    expect(await tile(page, 'Latency').textContent()).toMatch(/ m?s$/);
  });

  it('tells what waits, what was refused, and what it runs on', async () => {
    const { page } = await visit(await startApp({ RATE_LIMIT_PER_MINUTE: '1' }), {}, [status(429)]);
    await waitForHeadline(page, '0');
    await page.locator('#file').setInputFiles(SEVEN);
    await page.getByRole('alert').waitFor();
    const queue = page.locator('.tile', { hasText: 'Queue' });
    await queue.getByText('0 in flight, 1 refused').waitFor();
    expect(await tile(page, 'Queue').textContent()).toBe('0');
    expect(await page.locator('#live dt').allTextContents()).toEqual([
      'model',
      'digest',
      'runs on',
      'service',
      'up for',
    ]);
    expect(await page.locator('#live dd').nth(2).textContent()).toBe('cpu, one thread');
  });

  it('does without metrics where they are elsewhere, and without a fault', async () => {
    const { page } = await visit(await startApp({ MANAGEMENT_PORT: '0' }));
    await waitForHeadline(page, '0');
    await page.getByText('Its metrics are not open here.').waitFor();
    expect(await page.locator('#live dd').first().textContent()).toBe('digits 1.0.0');
    expect(await axeFindings(page)).toEqual([]);
  });
});

/** A finger that stays on the drawing area, through points in shares of it. */
async function drawByTouch(page: Page, points: readonly (readonly [number, number])[]): Promise<void> {
  const pad = page.locator('.pad');
  await pad.scrollIntoViewIfNeeded();
  const box = await pad.boundingBox();
  if (box === null) throw new Error('there is no drawing area');
  const device = await page.context().newCDPSession(page);
  const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', touchPoints: { x: number; y: number }[]) =>
    device.send('Input.dispatchTouchEvent', { type, touchPoints });
  const places = points.map(([x, y]) => ({ x: box.x + x * box.width, y: box.y + y * box.height }));
  for (const [at, place] of places.entries()) await touch(at === 0 ? 'touchStart' : 'touchMove', [place]);
  await touch('touchEnd', []);
}

describe('the code of a request', () => {
  /** The code that the page shows, and how each language is run. */
  const runs = [
    ['curl', 'sh', 'ask.sh'],
    ['JavaScript', process.execPath, 'ask.mjs'],
    ['Python', 'python3', 'ask.py'],
  ] as const;

  /** Runs what a tab shows beside the image. The service is in this process, so nothing here may wait for another one. */
  async function answersOf(page: Page, cwd: string, environment: NodeJS.ProcessEnv = {}): Promise<string[]> {
    const env = { ...process.env, ...environment };
    const answers: string[] = [];
    for (const [tab, command, file] of runs) {
      await page.getByRole('tab', { name: tab }).click();
      writeFileSync(join(cwd, file), (await page.locator('#code pre').textContent()) ?? '');
      answers.push((await promisify(execFile)(command, [file], { cwd, env })).stdout);
    }
    return answers;
  }

  it('gives the same answer when it is run by a shell, by Node and by Python', async () => {
    const { page } = await visit(await startApp({ MODEL_URI: FINDER }));
    await waitForHeadline(page, '7 objects');
    const buffer = readFileSync(join(FINDER, 'golden/scene.jpg'));
    const name = "it's a $(photo) ü.jpg";
    await page.locator('#file').setInputFiles({ name, mimeType: 'image/jpeg', buffer });
    await page.locator('figcaption', { hasText: name }).waitFor();
    await page.locator('.chip', { hasText: '6' }).click();
    await page.locator('.chip', { hasText: '8' }).click();
    await waitForHeadline(page, '2 objects');
    const cwd = await temporaryFolder();
    writeFileSync(join(cwd, name), buffer);
    const labels = (await answersOf(page, cwd)).map((text) => text.match(/label["']?: ?["']\d/g));
    expect(labels.map((found) => found?.length)).toEqual([2, 2, 2]);
  });

  it('takes the API key from the environment', async () => {
    const { page } = await visit(await startApp({ API_KEYS: 'right' }), {}, [status(401)]);
    await page.getByLabel('Key', { exact: true }).fill('right');
    await page.keyboard.press('Enter');
    await waitForHeadline(page, '0');
    await page.locator('#file').setInputFiles(SEVEN);
    await waitForHeadline(page, '7');
    const cwd = await temporaryFolder();
    copyFileSync(SEVEN, join(cwd, '7-blocks.png'));
    const labels = (await answersOf(page, cwd, { API_KEY: 'right' })).map((text) =>
      text.match(/label["']?: ?["'](\d)/)?.at(1),
    );
    expect(labels).toEqual(['7', '7', '7']);
  });

  it('is copied', async () => {
    const { page, url } = await visit(await startApp(), {
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    await waitForHeadline(page, '0');
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain(`${url}predict`);
  });
});

describe('a phone', () => {
  it('is drawn on with a finger', async () => {
    const { page } = await visit(await startApp(), PHONE);
    await waitForHeadline(page, '0');
    await page.getByRole('button', { name: 'Draw', exact: true }).tap();
    const scrolled = await page.evaluate(() => scrollY);
    await drawByTouch(page, [
      [0.25, 0.2],
      [0.75, 0.2],
      [0.45, 0.85],
    ]);
    await waitForHeadline(page, '7');
    expect(await page.evaluate(() => scrollY)).toBe(scrolled);
  });

  it.each([
    ['digits', '0'],
    ['digit-finder', '7 objects'],
  ])('shows all of %s in its width, and offers its camera', async (model, headline) => {
    const app = await startApp({ MODEL_URI: join(PACKAGE_ROOT, 'service/models', model) });
    const { page } = await visit(app, PHONE);
    await waitForHeadline(page, headline);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    expect(await page.getByText('Take a photo').isVisible()).toBe(true);
    await page.locator('#camera').setInputFiles(join(GOLDEN, '3-photo.jpg'));
    await page.locator('figcaption', { hasText: '3-photo.jpg' }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
  });
});

it('is used by the keyboard alone', async () => {
  const { page } = await visit(await startApp());
  await waitForHeadline(page, '0');
  const focused = () =>
    page.evaluate(() => document.activeElement?.id || document.activeElement?.getAttribute('aria-label'));
  const tabTo = async (wanted: string) => {
    for (let presses = 0; presses < 40 && (await focused()) !== wanted; presses++)
      await page.keyboard.press('Tab');
    expect(await focused()).toBe(wanted);
  };
  await tabTo('Sample 5-wide.png');
  await page.keyboard.press('Enter');
  await waitForHeadline(page, '5');
  await tabTo('parameter-top_k');
  await page.keyboard.press('ArrowRight');
  await page.locator('.bars li').nth(3).waitFor();
  await tabTo('tab-0');
  await page.keyboard.press('ArrowRight');
  expect(await focused()).toBe('tab-1');
  expect(await page.locator('#code pre').textContent()).toContain('import urllib.request');
  await page.keyboard.press('End');
  expect(await page.locator('#code pre').textContent()).toContain('"request_id"');
});

it('tells a screen reader what the answer is, once it stands', async () => {
  const { page } = await visit(await startApp());
  await waitForHeadline(page, '0');
  await expect
    .poll(() => page.locator('#spoken').textContent(), SPOKEN_WITHIN)
    .toMatch(/^0\. 99\.9\d %\. In /);
});

it('tells a screen reader nothing of an answer that an error has followed', async () => {
  const { page } = await visit(await startApp(), {}, [status(415)]);
  const spoken = page.locator('#spoken');
  await expect.poll(() => spoken.textContent(), SPOKEN_WITHIN).toMatch(/^0\. /);
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 60_000);
  await page.locator('#file').setInputFiles(SEVEN);
  await waitForHeadline(page, '7');
  await page.locator('#file').setInputFiles(join(PACKAGE_ROOT, 'package.json'));
  await page.getByRole('alert').waitFor();
  await page.clock.runFor(10_000);
  expect(await spoken.textContent()).toBe('');
});

it('answers the newest of many changes, and not each of them', async () => {
  const app = await startApp();
  const { page } = await visit(app);
  await waitForHeadline(page, '0');
  await page.evaluate(() => {
    const slider = document.querySelector<HTMLInputElement>('#parameter-top_k');
    for (let value = 1; value <= 9; value++) {
      if (slider === null) return;
      slider.value = String(value);
      slider.dispatchEvent(new Event('input', { bubbles: true }));
    }
  });
  await page.locator('.bars li').nth(8).waitFor();
  const { body } = await app.server.inject('/metrics');
  expect(body).toContain('cv_http_requests_total{method="POST",route="/predict",status="200"} 3\n');
});

it('shows an answer that belongs to the image that is seen, however fast others follow', async () => {
  const { page } = await visit(await startApp());
  await waitForHeadline(page, '0');
  for (const name of ['1-light-on-dark.png', '2-colour.png', '3-photo.jpg', '9-tall.png'])
    await page.locator('#file').setInputFiles(join(GOLDEN, name));
  await waitForHeadline(page, '9');
  expect(await page.locator('figcaption').textContent()).toBe('9-tall.png');
});

it('shows an image that the browser cannot, by its answer alone', async () => {
  const app = await startApp({ IMAGE_FORMATS: 'jpeg,png,webp,tiff' });
  const { page } = await visit(app);
  await waitForHeadline(page, '0');
  const buffer = await sharp(await plainPng({ r: 9, g: 9, b: 9 }, 30, 30))
    .tiff()
    .toBuffer();
  await page.locator('#file').setInputFiles({ name: 'a.tiff', mimeType: 'image/tiff', buffer });
  await page.getByText('This browser cannot show the image.').waitFor();
  await page.locator('.headline').waitFor();
});
