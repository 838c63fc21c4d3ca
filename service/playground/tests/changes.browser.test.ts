import { createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PACKAGE_ROOT } from '../../package-files.js';
import { predict } from '../../test/support/answers.js';
import { startApp } from '../../test/support/app.js';
import { plainPng } from '../../test/support/images.js';
import {
  MEAN_COLOUR_MANIFEST,
  meanColourModel,
  temporaryFolder,
  writeModelFolder,
} from '../../test/support/models.js';
import { type ServiceProcess, startService } from '../../test/support/service-process.js';
import {
  axeFindings,
  closeBrowserAtEnd,
  listen,
  visit,
  visitUrl,
  waitForHeadline,
} from './browser.test-support.js';

closeBrowserAtEnd();
const GOLDEN = join(PACKAGE_ROOT, 'service/models/digits/golden');
const CHANGED = { ...MEAN_COLOUR_MANIFEST, name: 'changed' };

async function give(page: Page, name: string, r: number, g: number): Promise<void> {
  const buffer = await plainPng({ r, g, b: 0 });
  await page.locator('#file').setInputFiles({ name, mimeType: 'image/png', buffer });
}

interface Balancer {
  /** With a slash at its end. */
  readonly url: string;
  readonly predictions: () => number;
}

/** One address for several services: each prediction goes to the next of them, everything else to the first. */
async function balance(...targets: readonly string[]): Promise<Balancer> {
  let predictions = 0;
  const server = createServer((request, response) => {
    const target = request.method === 'POST' ? targets[predictions++ % targets.length] : targets[0];
    const { method, headers, url = '/' } = request;
    const upstream = send(new URL(url, target), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    predictions: () => predictions,
  };
}

describe('another model', () => {
  it('that answers behind the same address is told, and takes neither image nor answer away', async () => {
    const stable = await startApp({ MODEL_URI: await writeModelFolder(meanColourModel()) });
    const canary = await startApp({ MODEL_URI: await writeModelFolder(meanColourModel('n'), CHANGED) });
    const { url, predictions } = await balance(await listen(stable), await listen(canary));
    const { page } = await visitUrl(url);
    const told = page.getByText('changed 1.0.0 has answered');
    const expectShown = async (name: string, label: string): Promise<void> => {
      await page.locator('figcaption', { hasText: name }).waitFor();
      await waitForHeadline(page, label);
    };
    await page.locator('h1', { hasText: 'mean-colour' }).waitFor();
    await give(page, 'first.png', 200, 0);
    await expectShown('first.png', 'red');
    expect(await told.count()).toBe(0);
    await give(page, 'second.png', 0, 200);
    await told.waitFor();
    await expectShown('second.png', 'green');
    expect(await page.locator('h1').textContent()).toBe('mean-colour');
    expect(await axeFindings(page)).toEqual([]);
    await give(page, 'third.png', 200, 0);
    await expectShown('third.png', 'red');
    expect(await told.count()).toBe(0);
    expect(predictions()).toBe(3);
    await give(page, 'fourth.png', 0, 200);
    await page.getByRole('button', { name: 'Ask for the model again' }).click();
    await told.waitFor({ state: 'detached' });
    await expectShown('fourth.png', 'green');
    expect(predictions()).toBe(5);
  });

  it('has vectors that are not compared with those of the first', async () => {
    const embedding = { task: 'embedding', output: {} };
    const folders = [
      await writeModelFolder(meanColourModel(), { ...MEAN_COLOUR_MANIFEST, ...embedding }),
      await writeModelFolder(meanColourModel('n'), { ...CHANGED, ...embedding }),
    ];
    const urls: string[] = [];
    for (const MODEL_URI of folders) urls.push(await listen(await startApp({ MODEL_URI })));
    const { page } = await visitUrl((await balance(...urls)).url);
    await page.locator('h1', { hasText: 'mean-colour' }).waitFor();
    await give(page, 'a.png', 200, 0);
    await waitForHeadline(page, '3 dimensions');
    await give(page, 'b.png', 200, 0);
    await page.getByText('changed 1.0.0 has answered').waitFor();
    await waitForHeadline(page, '3 dimensions');
    await give(page, 'c.png', 200, 0);
    await page.getByText('changed 1.0.0 has answered').waitFor({ state: 'detached' });
    await waitForHeadline(page, '1.000');
  });

  it('that takes the place of the first is described once that is asked for, with the same image', async () => {
    const folder = await temporaryFolder();
    await writeModelFolder(meanColourModel(), MEAN_COLOUR_MANIFEST, folder);
    const app = await startApp({ MODEL_URI: folder, CAPTURE_TO: await temporaryFolder() });
    const { page } = await visit(app);
    await page.locator('h1', { hasText: 'mean-colour' }).waitFor();
    await writeModelFolder(meanColourModel('n'), CHANGED, folder);
    await app.loadModel(new AbortController().signal);
    await give(page, 'kept.png', 0, 200);
    await waitForHeadline(page, 'green');
    // Labels of the one are no truth about answers of the other.
    expect(await page.locator('#feedback').textContent()).toBe('');
    await page.getByRole('button', { name: 'Ask for the model again' }).click();
    await page.locator('h1', { hasText: 'changed' }).waitFor();
    await waitForHeadline(page, 'green');
    await page.locator('#feedback', { hasText: 'Is this right?' }).waitFor();
    expect(await page.locator('figcaption').textContent()).toBe('kept.png');
    expect(await page.getByText('has answered').count()).toBe(0);
  });
});

describe('the live state', () => {
  const tile = (page: Page, name: string) => page.locator('.tile', { hasText: name });

  it('begins anew with a process that takes the place of another', async () => {
    const first = await startService();
    const url = first.url;
    const image = await plainPng({ r: 1, g: 2, b: 3 });
    for (let asked = 0; asked < 30; asked += 1) await predict(url, image);
    const { page } = await visitUrl(`${url}/`, {}, [/ERR_/]);
    const requests = tile(page, 'Requests');
    await requests.filter({ hasText: '31' }).waitFor();
    await restart(first);
    await page.locator('#file').setInputFiles(join(GOLDEN, '7-blocks.png'));
    await waitForHeadline(page, '7');
    await expect.poll(() => requests.locator('.tile-value').textContent()).toBe('1');
    expect(await requests.locator('.hint').textContent()).toMatch(/^\d+\.\d a second$/);
  });

  /** Another process at the same address. */
  async function restart(service: ServiceProcess): Promise<void> {
    const { port } = new URL(service.url);
    await service.stop('SIGKILL');
    await startService({ PORT: port });
  }
});
