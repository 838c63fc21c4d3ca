import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { temporaryFolder } from '../../test/support/models.js';
import { type ScriptedServer, startScriptedServer } from '../../test/support/s3-server.js';
import { createHttpSource, type HttpSourceOptions } from './http.js';

const patient = new AbortController().signal;
const servers: ScriptedServer[] = [];

async function serve(listener: RequestListener): Promise<string> {
  const server = await startScriptedServer(listener);
  servers.push(server);
  return server.url;
}

async function read(uri: string, options?: HttpSourceOptions): Promise<string> {
  const source = createHttpSource(uri, options);
  const { stream } = await source.open(source.entry ?? 'model.onnx', patient);
  return (await buffer(stream)).toString();
}

async function failureOf(uri: string, options?: HttpSourceOptions): Promise<Error> {
  return await read(uri, options).then(
    () => expect.fail(),
    (thrown) => thrown,
  );
}

/** Over TLS, with a certificate that nobody has signed. */
async function serveSecurely(listener: RequestListener): Promise<string> {
  const folder = await temporaryFolder();
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync('openssl', [...request, '-subj', '/CN=localhost', '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  const server = createServer({ key: await readFile(key), cert: await readFile(cert) }, listener);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const server of servers.splice(0)) await server.close();
});

describe('the http source, by status', () => {
  it.each([
    [400, 'permanent', 'MODEL_UNAVAILABLE'],
    [401, 'denied', 'MODEL_UNAVAILABLE'],
    [403, 'denied', 'MODEL_UNAVAILABLE'],
    [404, 'missing', 'MODEL_NOT_FOUND'],
    [410, 'missing', 'MODEL_NOT_FOUND'],
    [206, 'permanent', 'MODEL_UNAVAILABLE'],
    [408, 'transient', 'MODEL_UNAVAILABLE'],
    [429, 'transient', 'MODEL_UNAVAILABLE'],
    [500, 'transient', 'MODEL_UNAVAILABLE'],
    [503, 'transient', 'MODEL_UNAVAILABLE'],
  ])('calls %i %s', async (status, kind, code) => {
    const url = await serve((_, response) => response.writeHead(status).end('no'));
    await expect(read(`${url}/model.onnx`)).rejects.toMatchObject({ kind, code });
  });

  it.each([
    ['7', 7],
    [new Date(0).toUTCString(), 0],
    ['soon', undefined],
  ])('hands on a Retry-After of %j', async (header, retryAfterSeconds) => {
    const url = await serve((_, response) => response.writeHead(503, { 'retry-after': header }).end());
    await expect(read(`${url}/model.onnx`)).rejects.toMatchObject({ retryAfterSeconds });
  });

  it('calls a web page that comes in place of a file missing', async () => {
    const url = await serve((_, response) =>
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>'),
    );
    await expect(read(`${url}/model.onnx`)).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });

  it('calls a refused connection transient', async () => {
    const server = await startScriptedServer(() => {});
    await server.close();
    await expect(read(`${server.url}/model.onnx`)).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      kind: 'transient',
    });
  });

  it('calls an untrusted certificate permanent', async () => {
    const url = await serveSecurely((_, response) => response.end('bytes'));
    await expect(read(`${url}/model.onnx`)).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      kind: 'permanent',
    });
  });
});

describe('the http source and redirects', () => {
  it('follows them, relative ones too', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/model.onnx') response.writeHead(302, { location: 'moved/to' }).end();
      else response.end(`from ${request.url}`);
    });
    expect(await read(`${url}/model.onnx`)).toBe('from /moved/to');
  });

  it('gives up on a loop', async () => {
    let requests = 0;
    const url = await serve((_, response) => {
      requests += 1;
      response.writeHead(307, { location: '/model.onnx' }).end();
    });
    await expect(read(`${url}/model.onnx`)).rejects.toMatchObject({ kind: 'permanent' });
    expect(requests).toBeLessThan(10);
  });

  it('refuses to go from https to http, and asks nobody there', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    let asked = 0;
    const plain = await serve((_, response) => {
      asked += 1;
      response.end('bytes');
    });
    const url = await serveSecurely((request, response) => {
      if (request.url === '/again.onnx') response.writeHead(302, { location: '/model.bin' }).end();
      else if (request.url === '/model.bin') response.end('bytes');
      else response.writeHead(302, { location: `${plain}/model.onnx` }).end();
    });
    expect(await read(`${url}/again.onnx`)).toBe('bytes');
    await expect(read(`${url}/model.onnx`)).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      kind: 'permanent',
    });
    expect(asked).toBe(0);
  });

  it.each(['file:///etc/passwd', 'ftp://models.example/', 'http://', ''])(
    'refuses to be sent to %j',
    async (location) => {
      const url = await serve((_, response) => response.writeHead(302, { location }).end());
      await expect(read(`${url}/model.onnx`)).rejects.toMatchObject({
        code: 'MODEL_UNAVAILABLE',
        kind: 'permanent',
      });
    },
  );

  it.each([
    '169.254.169.254',
    '169.254.0.1:1',
    '2852039166',
    '0xa9fea9fe',
    '0251.0376.0251.0376',
    '169.16689662',
    '[::ffff:169.254.169.254]',
    '[::ffff:a9fe:1]',
    '[64:ff9b::169.254.169.254]',
    '[fe80::1]',
    '[febf::1]',
    '[fd00:ec2::254]',
    '[fd20:ce::254]',
    '100.100.100.200',
    '168.63.129.16',
    'metadata.google.internal',
    'METADATA.google.internal.',
  ])('refuses to be sent to %s, at once', async (host) => {
    const url = await serve((_, response) =>
      response.writeHead(307, { location: `http://${host}/latest/meta-data/model.onnx` }).end(),
    );
    await expect(read(`${url}/model.onnx`)).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      kind: 'permanent',
    });
  });

  it('refuses such a place at the end of several, too', async () => {
    const url = await serve((request, response) => {
      const location = request.url === '/model.onnx' ? '/next' : 'http://169.254.169.254/';
      response.writeHead(302, { location }).end();
    });
    await expect(read(`${url}/model.onnx`)).rejects.toMatchObject({ kind: 'permanent' });
  });

  it('follows to loopback and by name, as servers in one cluster do', async () => {
    const target = await serve((_, response) => response.end('bytes'));
    const url = await serve((_, response) =>
      response.writeHead(302, { location: target.replace('127.0.0.1', 'localhost') }).end(),
    );
    expect(await read(`${url}/model.onnx`)).toBe('bytes');
  });
});

describe('the http source and credentials', () => {
  it('sends the bearer token, but not to where it is redirected', async () => {
    const seen: (string | undefined)[] = [];
    const elsewhere = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.end('bytes');
    });
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(302, { location: `${elsewhere}/blob` }).end();
    });
    await read(`${url}/model.onnx`, { bearerToken: 'secret-token' });
    expect(seen).toEqual(['Bearer secret-token', undefined]);
  });

  it('turns user and password of the URL into basic authentication', async () => {
    const url = await serve((request, response) => response.end(request.headers.authorization));
    const withUser = url.replace('//', '//me:p%40ss@');
    expect(await read(`${withUser}/model.onnx`)).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
  });

  it('keeps the query for the objects beside the entry', async () => {
    const url = await serve((request, response) => response.end(request.url));
    const source = createHttpSource(`${url}/a/model.onnx?token=t`);
    const { stream } = await source.open('model.json', patient);
    expect((await buffer(stream)).toString()).toBe('/a/model.json?token=t');
  });

  it('shows neither credentials nor query in what it says', async () => {
    const url = await serve((_, response) => response.writeHead(403).end());
    const uri = `${url.replace('//', '//me:hunter2@')}/model.onnx?X-Amz-Signature=cafe#frag`;
    const source = createHttpSource(uri, { bearerToken: 'secret-token' });
    const { message } = await failureOf(uri, { bearerToken: 'secret-token' });
    const said = [source.description, source.locate('model.json'), message].join(' ');
    expect(said).not.toMatch(/hunter2|Signature|cafe|secret-token|frag/);
  });
});

describe('the http source', () => {
  it('does not take the compressed length for the size', async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { 'content-encoding': 'x-unknown', 'content-length': 3 }).end('abc');
    });
    const opened = await createHttpSource(`${url}/model.onnx`).open('model.onnx', patient);
    opened.stream.resume();
    expect(opened.size).toBeUndefined();
  });

  it('undoes a compression that nobody asked for', async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('bytes'));
    });
    expect(await read(`${url}/model.onnx`)).toBe('bytes');
  });

  it('asks for the next object over the same connection, after redirects and refusals too', async () => {
    const connections = new Set<number | undefined>();
    const url = await serve((request, response) => {
      connections.add(request.socket.remotePort);
      const status = Number(/\d+/.exec(request.url ?? '')?.[0] ?? 200);
      response.writeHead(status, { location: '/to', 'content-length': 5 }).end('bytes');
    });
    const source = createHttpSource(`${url}/m/`);
    for (const name of ['404.json', '302.json', '404.json', '302.onnx', '200.onnx']) {
      await source
        .open(name, patient)
        .then(({ stream }) => buffer(stream))
        .catch(() => {});
    }
    // Seven requests; what a server has chosen has connections of its own, and one may not be free yet.
    expect(connections.size).toBeLessThan(5);
  });

  it.each([
    ['of no length', {}],
    ['that is long', { 'content-length': 2 ** 40 }],
  ])('does not read the body of a refusal %s', async (_, headers) => {
    let ended: Promise<unknown> | undefined;
    const url = await serve((request, response) => {
      ended = once(request.socket, 'close');
      response.writeHead(404, headers).write('no');
    });
    await expect(read(`${url}/model.onnx`)).rejects.toMatchObject({ kind: 'missing' });
    await ended;
  });

  it("rejects with the signal's reason when it aborts", async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const url = await serve(() => controller.abort(reason));
    const opening = createHttpSource(`${url}/model.onnx`).open('model.onnx', controller.signal);
    await expect(opening).rejects.toBe(reason);
  });
});
