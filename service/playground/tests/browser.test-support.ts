import { existsSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, expect, onTestFinished } from 'vitest';
import type { App } from '../../app.js';
import { PACKAGE_ROOT } from '../../package-files.js';

const USUAL_PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
const AXE = readFileSync(join(PACKAGE_ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8');

export const PHONE: BrowserContextOptions = {
  viewport: { width: 360, height: 740 },
  hasTouch: true,
  isMobile: true,
};

let launched: Promise<Browser> | undefined;

/** One for all tests of a file. Throws where no Chromium is found. */
function browser(): Promise<Browser> {
  if (launched === undefined) {
    const executablePath = [process.env['CHROMIUM_PATH'] ?? '', ...USUAL_PLACES].find(existsSync);
    if (executablePath === undefined)
      throw new Error('There is no Chromium: install one, or say where it is in CHROMIUM_PATH.');
    // Without its own sandbox, which wants rights that containers lack; it opens pages of the service under test alone.
    launched = chromium.launch({ executablePath, args: ['--no-sandbox'] });
  }
  return launched;
}

/** To be called once in each file. */
export function closeBrowserAtEnd(): void {
  afterAll(async () => {
    await (await launched)?.close();
    launched = undefined;
  });
}

/** A page, and all that it did that a page of ours does not do. */
export interface Visit {
  readonly page: Page;
  readonly url: string;
  /** Errors of the console, exceptions, violations of the policy, requests to other hosts. */
  readonly faults: string[];
}

/** Makes a service listen, on a port of its own. @returns where */
export async function listen({ server }: App): Promise<string> {
  await server.listen({ host: '127.0.0.1', port: 0 });
  return `http://127.0.0.1:${(server.server.address() as AddressInfo).port}/`;
}

/**
 * Opens the page of a service. At the end of the test it must not have had a fault.
 * @param expected faults that belong to the test
 */
export async function visit(
  app: App,
  options: BrowserContextOptions = {},
  expected: readonly RegExp[] = [],
): Promise<Visit> {
  return visitUrl(await listen(app), options, expected);
}

/**
 * As visit, of what listens already.
 * @param url with a slash at its end
 */
export async function visitUrl(
  url: string,
  options: BrowserContextOptions = {},
  expected: readonly RegExp[] = [],
): Promise<Visit> {
  const opened = await open(url, options);
  onTestFinished(() => {
    expect(opened.faults.filter((fault) => !expected.some((each) => each.test(fault)))).toEqual([]);
  });
  return opened;
}

async function open(url: string, options: BrowserContextOptions): Promise<Visit> {
  const context = await (await browser()).newContext({ viewport: { width: 1280, height: 900 }, ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', ({ message }) => faults.push(`exception: ${message}`));
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith('http') && `${origin}/` !== url) faults.push(`request: ${request.url()}`);
  });
  await page.exposeFunction('reportViolation', (text: string) => faults.push(`policy: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
      const { reportViolation } = window as unknown as { reportViolation(text: string): void };
      reportViolation(`${violatedDirective} ${blockedURI}`);
    });
  });
  await page.goto(url);
  return { page, url, faults };
}

/** The large words of the answer, once they are these. */
export async function waitForHeadline(page: Page, text: string | RegExp): Promise<void> {
  await page.locator('.headline-text').filter({ hasText: text }).waitFor();
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly target: unknown; readonly failureSummary?: string }[];
  }[];
}

/** What axe finds wrong with a page as it is now. */
export async function axeFindings(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations } = (await page.evaluate('axe.run()')) as AxeResult;
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${String(target)} ${failureSummary}`),
  );
}

/** Sets a slider, as a person does who drags it. */
export async function slide(page: Page, name: string, value: number): Promise<void> {
  await page.getByLabel(name, { exact: true }).fill(String(value));
}

/** Draws lines, each through points in shares of the drawing area. */
export async function draw(
  page: Page,
  lines: readonly (readonly (readonly [number, number])[])[],
): Promise<void> {
  const box = await page.locator('.pad').boundingBox();
  if (box === null) throw new Error('there is no drawing area');
  const place = ([x, y]: readonly [number, number]): [number, number] => [
    box.x + x * box.width,
    box.y + y * box.height,
  ];
  for (const [first, ...rest] of lines) {
    if (first === undefined) continue;
    await page.mouse.move(...place(first));
    await page.mouse.down();
    for (const point of rest) await page.mouse.move(...place(point), { steps: 6 });
    await page.mouse.up();
  }
}
