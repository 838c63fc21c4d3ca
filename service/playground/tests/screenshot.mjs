// @ts-check
import { chromium } from 'playwright-core';

/**
 * The picture of the page in the README: `node service/playground/tests/screenshot.mjs FILE [URL]` while a service runs that
 * serves service/models/digit-finder. CHROMIUM_PATH is as for .ci/playground.
 */
const [path = 'playground.png', url = 'http://localhost:8080/'] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
const page = await browser.newPage({ viewport: { width: 1200, height: 960 } });
await page.goto(url);
await page.locator('.headline').waitFor();
// A second request is as fast as all that follow.
await page.locator('.sample').first().click();
await page.locator('.tile-value', { hasText: '2' }).first().waitFor();
await page.evaluate(() => window.scrollTo(0, 0));
await page.mouse.move(0, 0);
await page.screenshot({ path });
await browser.close();
