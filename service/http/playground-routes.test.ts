import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PLAYGROUND } from '../package-files.js';
import { createAppFor, startApp } from '../test/support/app.js';
import { plainPng } from '../test/support/images.js';
import {
  MEAN_COLOUR_MANIFEST,
  meanColourModel,
  temporaryFolder,
  writeModelFolder,
} from '../test/support/models.js';

const AS_BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8' };
const RED = { predictions: [{ label: 'red', score: 1 }], tolerance: 0.01 };

/** A model whose golden images are all red. */
async function modelWith(files: readonly string[]): Promise<string> {
  const image = await plainPng({ r: 255, g: 0, b: 0 });
  return writeModelFolder(
    meanColourModel(),
    { ...MEAN_COLOUR_MANIFEST, golden: files.map((file) => ({ file, ...RED })) },
    await temporaryFolder(),
    Object.fromEntries(files.map((file) => [file, image])),
  );
}

describe('GET /', () => {
  it('is a page for browsers and an index for everything else', async () => {
    const { server } = await createAppFor();
    const page = await server.inject({ url: '/', headers: AS_BROWSER });
    expect(page.headers['link']).toContain('<playground/main.js>; rel=modulepreload, <playground/');
    expect(page.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', vary: 'Accept' });
    for (const accept of ['*/*', 'application/json', 'image/png', 'text/html;q=0.5, application/json']) {
      const index = await server.inject({ url: '/', headers: { accept } });
      expect(index.json()).toMatchObject({ service: 'cv-inference', routes: { predict: 'POST /predict' } });
      expect(index.headers['vary']).toBe('Accept');
    }
  });

  it('lets the page do nothing but talk to its own service, and nobody frame it', async () => {
    const { server } = await createAppFor();
    const { headers } = await server.inject({ url: '/', headers: AS_BROWSER });
    const policy = String(headers['content-security-policy']).split('; ');
    expect(policy).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
      ]),
    );
    expect(policy.join()).not.toMatch(/unsafe|\*|https?:/);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
    });
  });

  it('and its files are sent again only when they have changed', async () => {
    const { server } = await createAppFor();
    for (const url of ['/', '/playground/main.js', '/playground/style.css']) {
      const { headers, body } = await server.inject({ url, headers: AS_BROWSER });
      const { etag } = headers as { etag: string };
      expect(body.length).toBeGreaterThan(100);
      expect(headers['cache-control']).toBe('no-cache');
      for (const tag of [etag, `"other", W/${etag}`]) {
        const again = await server.inject({ url, headers: { ...AS_BROWSER, 'if-none-match': tag } });
        expect([again.statusCode, again.body]).toEqual([304, '']);
      }
      const other = await server.inject({ url, headers: { ...AS_BROWSER, 'if-none-match': '"other"' } });
      expect(other.statusCode).toBe(200);
    }
  });

  it('and its files ask for no API key; what they are about does', async () => {
    const { server } = await createAppFor({ API_KEYS: 'secret' });
    for (const url of ['/', '/playground/main.js'])
      expect((await server.inject({ url, headers: AS_BROWSER })).statusCode).toBe(200);
    for (const url of ['/playground/samples', '/playground/samples/0', '/model'])
      expect((await server.inject({ url, headers: AS_BROWSER })).statusCode).toBe(401);
  });

  it('is not there where it is turned off', async () => {
    const { server } = await createAppFor({ PLAYGROUND: 'off' });
    for (const url of ['/', '/playground/main.js', '/playground/samples']) {
      const answer = await server.inject({ url, headers: AS_BROWSER });
      expect([answer.statusCode, answer.json().code]).toEqual([404, 'NOT_FOUND']);
    }
  });
});

describe('GET /playground/', () => {
  it('has every file of the page, and no other', async () => {
    const { server } = await createAppFor();
    const files = readdirSync(PLAYGROUND).filter((file) => /\.(css|html|js|svg)$/.test(file));
    expect(files.length).toBeGreaterThan(10);
    for (const file of files) expect((await server.inject(`/playground/${file}`)).statusCode, file).toBe(200);
    for (const file of ['tsconfig.json', 'tests', '..%2fconfig.ts', '__proto__', 'nothing.js'])
      expect((await server.inject(`/playground/${file}`)).statusCode, file).toBe(404);
  });
});

describe('samples', () => {
  it('are the golden images of the model, as they are', async () => {
    const { server } = await startApp({ MODEL_URI: await modelWith(['one.png', 'two.png']) });
    const { samples } = (await server.inject('/playground/samples')).json();
    expect(samples).toEqual([
      { name: 'one.png', url: 'playground/samples/0' },
      { name: 'two.png', url: 'playground/samples/1' },
    ]);
    const sample = await server.inject(`/${samples[1].url}`);
    expect(sample.headers['content-type']).toBe('image/png');
    expect(sample.rawPayload).toEqual(await plainPng({ r: 255, g: 0, b: 0 }));
  });

  it('are none where there are none, their files are gone, or the model is not there yet', async () => {
    const folder = await modelWith(['one.png']);
    const { server } = await startApp({ MODEL_URI: folder });
    await rm(join(folder, 'one.png'));
    for (const index of ['0', '1', '-1', 'x', '__proto__'])
      expect((await server.inject(`/playground/samples/${index}`)).statusCode, index).toBe(404);
    const without = await startApp({ MODEL_URI: await writeModelFolder(meanColourModel()) });
    expect((await without.server.inject('/playground/samples')).json()).toEqual({ samples: [] });
    const early = await createAppFor();
    expect((await early.server.inject('/playground/samples')).json()).toMatchObject({ code: 'NOT_READY' });
  });
});
