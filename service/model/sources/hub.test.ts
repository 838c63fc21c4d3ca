import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FakeHub, type FakeHubOptions } from '../../test/support/fake-hub.js';
import { createHubSource, type HubSourceOptions } from './hub.js';

const patient = new AbortController().signal;
const WEIGHTS = randomBytes(1000);
const FILES = { 'model.json': '{"file":"model.onnx"}', 'onnx/model.onnx': WEIGHTS, 'a b+c%20#?é.json': '{}' };
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

async function startHub(options?: FakeHubOptions): Promise<FakeHub> {
  const hub = await FakeHub.start(FILES, options);
  onTestFinished(() => hub.close());
  return hub;
}

function sourceAt(hub: FakeHub, uri: string, options?: HubSourceOptions) {
  const source = createHubSource(uri, { endpoint: hub.endpoint, ...options });
  onTestFinished(() => source.close());
  return source;
}

async function read(hub: FakeHub, uri: string, name: string, options?: HubSourceOptions): Promise<Buffer> {
  const { stream } = await sourceAt(hub, uri, options).open(name, patient);
  return buffer(stream);
}

describe('the hub source', () => {
  it.each([true, false])(
    'reads small files, redirected or not (%s), with what git knows them by',
    async (redirectsSmallFiles) => {
      const hub = await startHub({ redirectsSmallFiles });
      for (const name of ['model.json', 'a b+c%20#?é.json'] as const) {
        const opened = await sourceAt(hub, 'hf://acme/digits').open(name, patient);
        const content = Buffer.from(FILES[name]);
        const hex = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
        expect(opened).toMatchObject({ size: content.length, digest: { kind: 'git-blob', hex } });
        expect(await buffer(opened.stream)).toEqual(content);
      }
    },
  );

  it('reads large files from where they are stored, with their SHA-256', async () => {
    const hub = await startHub();
    const opened = await sourceAt(hub, 'hf://acme/digits/onnx').open('model.onnx', patient);
    expect(opened).toMatchObject({ size: 1000, digest: { kind: 'sha256', hex: sha256(WEIGHTS) } });
    expect(await buffer(opened.stream)).toEqual(WEIGHTS);
  });

  it('knows the SHA-256 of large files without reading them, and of no others', async () => {
    const hub = await startHub();
    const source = sourceAt(hub, 'hf://acme/digits');
    const hex = sha256(WEIGHTS);
    expect(await source.vouchFor?.('onnx/model.onnx', patient)).toEqual({ bytes: 1000, hex });
    expect(await source.vouchFor?.('model.json', patient)).toBeUndefined();
    await expect(source.vouchFor?.('gone.onnx', patient)).rejects.toMatchObject({ kind: 'missing' });
    expect(hub.requests.filter(({ host, method }) => host === 'store' || method === 'PUT')).toEqual([]);
  });

  it('resolves the revision once, and reads all files of that commit whatever happens to the branch', async () => {
    const hub = await startHub();
    const source = sourceAt(hub, 'hf://acme/digits@main');
    await source.open('model.json', patient);
    hub.commit({ 'model.json': 'of another commit' });
    const { stream } = await source.open('onnx/model.onnx', patient);
    expect(await buffer(stream)).toEqual(WEIGHTS);
    expect(hub.asked.filter((line) => line.includes('/api/models/'))).toHaveLength(1);
  });

  it('reads all files of one commit, also where several are asked for at once while the branch moves', async () => {
    const hub = await startHub();
    hub.hubFault = (_, __, path) => {
      if (path.includes('/api/')) queueMicrotask(() => hub.commit({ 'a.json': `${hub.requests.length}` }));
      return false;
    };
    hub.commit({ 'a.json': '0' });
    const source = sourceAt(hub, 'hf://acme/digits');
    const opened = await Promise.all([1, 2, 3].map(() => source.open('a.json', patient)));
    const read = await Promise.all(opened.map(async ({ stream }) => (await buffer(stream)).toString()));
    expect(new Set(read).size).toBe(1);
  });

  it('reads from the Hub that a mirror sends it to, and sends that no token', async () => {
    const hub = await startHub({ redirectsSmallFiles: false });
    const mirror = await startHub();
    mirror.hubFault = (request, response, path) => {
      if (!path.includes('/resolve/')) return false;
      response.writeHead(307, { location: `${hub.endpoint}${request.url}` }).end();
      return true;
    };
    const options = { token: 'hf_secret' };
    for (const name of ['model.json', 'onnx/model.onnx'] as const) {
      expect(await read(mirror, 'hf://acme/digits', name, options)).toEqual(Buffer.from(FILES[name]));
    }
    expect(hub.requests.map(({ authorization }) => authorization)).toEqual([undefined, undefined, undefined]);
  });

  it('asks nobody which commit a commit is, and is immutable only there', async () => {
    const hub = await startHub();
    const commit = hub.commit(FILES, 'v1');
    const source = sourceAt(hub, `hf://acme/digits@${commit}`);
    expect(source.isImmutable).toBe(true);
    expect(sourceAt(hub, 'hf://acme/digits@v1').isImmutable).toBe(false);
    await source.open('model.json', patient);
    expect(hub.asked.filter((line) => line.includes('/api/models/'))).toEqual([]);
  });

  it.each(['refs/pr/3', 'feature/small', 'v1.0'])('finds revision %s', async (revision) => {
    const hub = await startHub();
    hub.commit({ 'model.json': 'theirs' }, revision);
    const uri = `hf://acme/digits@${encodeURIComponent(revision)}`;
    expect((await read(hub, uri, 'model.json')).toString()).toBe('theirs');
  });

  it('finds a Hub behind a path', async () => {
    const hub = await startHub();
    hub.hubFault = (request, _, path) => {
      if (path.startsWith('/mirror/hf/')) request.url = request.url?.replace('/mirror/hf', '');
      return false;
    };
    const endpoint = `${hub.endpoint}/mirror/hf/`;
    await read(hub, 'hf://acme/digits', 'model.json', { endpoint }).catch(() => {});
    expect(hub.asked[0]).toBe('GET hub /mirror/hf/api/models/acme/digits/revision/main');
  });

  it('tells sources apart by endpoint, repository, revision and path', async () => {
    const uris = ['hf://a/b', 'hf://a/c', 'hf://a/b@v1', 'hf://a/b/c', 'hf://a/b/c/model.onnx'];
    const identities = ['http://one', 'http://two', 'http://one/path'].flatMap((endpoint) =>
      uris.map((uri) => createHubSource(uri, { endpoint }).identity),
    );
    expect(new Set(identities).size).toBe(15);
  });

  it('throws CONFIG_INVALID for an endpoint that is none', () => {
    for (const endpoint of ['', 'hub', 'ftp://hub']) {
      expect(() => createHubSource('hf://a/b', { endpoint })).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID' }),
      );
    }
  });
});

describe('the hub source and its token', () => {
  it('is sent to the Hub alone', async () => {
    const hub = await startHub({ token: 'hf_secret' });
    const options = { token: 'hf_secret' };
    expect(await read(hub, 'hf://acme/digits', 'onnx/model.onnx', options)).toEqual(WEIGHTS);
    await read(hub, 'hf://acme/digits', 'model.json', options);
    const sent = (host: string) =>
      new Set(
        hub.requests.filter((request) => request.host === host).map((request) => request.authorization),
      );
    expect(sent('hub')).toEqual(new Set(['Bearer hf_secret']));
    expect(sent('store')).toEqual(new Set([undefined]));
  });

  it('is in nothing that is said', async () => {
    const hub = await startHub({ token: 'hf_right' });
    const source = sourceAt(hub, 'hf://acme/digits', { token: 'hf_wrong' });
    const { message } = await source.open('model.json', patient).catch((thrown) => thrown);
    expect([message, source.description, source.identity, source.locate('x')].join()).not.toMatch(/hf_/);
  });
});

describe('the hub source, refused', () => {
  it.each<[string, FakeHubOptions, string, HubSourceOptions, object]>([
    ['a private one without token', { token: 't' }, 'hf://acme/digits', {}, { kind: 'permanent' }],
    ['a wrong token', { token: 't' }, 'hf://acme/digits', { token: 'u' }, { kind: 'permanent' }],
    ['a gated one', { isGated: true }, 'hf://acme/digits', {}, { kind: 'permanent' }],
    ['a repository that is not there', {}, 'hf://acme/other', {}, { kind: 'missing', isBucket: true }],
    ['the same, with a token', { token: 't' }, 'hf://acme/other', { token: 't' }, { kind: 'missing' }],
    ['a revision that is not there', {}, 'hf://acme/digits@v9', {}, { kind: 'missing', isBucket: true }],
    ['a commit that is not there', {}, `hf://acme/digits@${'0'.repeat(40)}`, {}, { kind: 'missing' }],
    ['a file that is not there', {}, 'hf://acme/digits/nowhere', {}, { kind: 'missing', isBucket: false }],
  ])('says of %s what it is', async (_, options, uri, own, expected) => {
    const hub = await startHub(options);
    await expect(read(hub, uri, 'model.json', own)).rejects.toMatchObject(expected);
  });

  it.each<[string, FakeHubOptions, string, RegExp]>([
    ['HF_TOKEN, where it is private', { token: 't' }, 'hf://acme/digits', /acme\/digits.*HF_TOKEN/],
    [
      'HF_TOKEN and the licence, where it is gated',
      { isGated: true },
      'hf://acme/digits',
      /licence.*HF_TOKEN/,
    ],
    ['the repository', {}, 'hf://acme/other', /acme\/other/],
    ['the revision', {}, 'hf://acme/digits@v9', /v9/],
    ['the path', {}, 'hf://acme/digits/nowhere', /nowhere\/model\.json/],
  ])('names %s', async (_, options, uri, words) => {
    const hub = await startHub(options);
    await expect(read(hub, uri, 'model.json')).rejects.toThrow(words);
  });

  it.each([
    [500, 'transient'],
    [503, 'transient'],
    [429, 'transient'],
    [400, 'permanent'],
  ])('calls %i %s, of the revision and of a file', async (status, kind) => {
    const hub = await startHub();
    hub.hubFault = (_, response) => response.writeHead(status).end() !== undefined;
    await expect(read(hub, 'hf://acme/digits', 'model.json')).rejects.toMatchObject({ kind });
    const pinned = `hf://acme/digits@${'a'.repeat(40)}`;
    await expect(read(hub, pinned, 'model.json')).rejects.toMatchObject({ kind });
  });

  it('asks again for the revision after a failure that may pass', async () => {
    const hub = await startHub();
    const source = sourceAt(hub, 'hf://acme/digits');
    hub.hubFault = (_, response) => response.writeHead(503).end() !== undefined;
    await expect(source.open('model.json', patient)).rejects.toMatchObject({ kind: 'transient' });
    hub.hubFault = undefined;
    expect((await source.open('model.json', patient)).size).toBe(21);
  });

  it('calls a link of the Hub’s that has expired transient: the next one is new', async () => {
    const hub = await startHub();
    hub.storeFault = (_, response) => response.writeHead(403).end() !== undefined;
    await expect(read(hub, 'hf://acme/digits', 'onnx/model.onnx')).rejects.toMatchObject({
      kind: 'transient',
    });
  });
});

describe('the hub source and servers that are none', () => {
  it.each<[string, string, string]>([
    ['a web page', '<html>', 'text/html'],
    ['no JSON', 'hello', 'application/json'],
    ['JSON that is no object', 'null', 'application/json'],
    ['no commit', '{"sha":"main"}', 'application/json'],
    [
      'a commit that leads elsewhere',
      '{"sha":"../../../evil/repo/resolve/main/../../x"}',
      'application/json',
    ],
    ['more than it should', `{"sha":"${'a'.repeat(40)}"}${' '.repeat(17 * 1024 * 1024)}`, 'application/json'],
  ])('refuses %s for a revision', async (_, body, type) => {
    const hub = await startHub();
    hub.hubFault = (__, response) =>
      response.writeHead(200, { 'content-type': type }).end(body) !== undefined;
    await expect(read(hub, 'hf://acme/digits', 'model.json')).rejects.toMatchObject({ kind: 'permanent' });
  });

  it.each<[string, Record<string, string | number>]>([
    ['no tag', {}],
    ['a tag that is no digest', { etag: '"abc"' }],
    ['a tag of what is stored elsewhere', { etag: `"${'a'.repeat(32)}"` }],
    ['another length than the file has', { 'x-linked-etag': `"${'a'.repeat(64)}"`, 'x-linked-size': 7 }],
    ['a length that is no number', { 'x-linked-etag': `"${'a'.repeat(64)}"`, 'x-linked-size': 'seven' }],
    ['a web page', { 'content-type': 'text/html', 'x-linked-etag': `"${'a'.repeat(64)}"` }],
  ])('refuses a file with %s', async (_, headers) => {
    const hub = await startHub();
    hub.hubFault = (__, response, path) => {
      if (!path.includes('/resolve/')) return false;
      response.writeHead(200, { 'content-length': 2, ...headers }).end('{}');
      return true;
    };
    await expect(read(hub, 'hf://acme/digits', 'model.json')).rejects.toMatchObject({ kind: 'permanent' });
  });

  it('takes the tag of what was compressed for the content, which it is of', async () => {
    const hub = await startHub();
    const content = Buffer.from(FILES['model.json']);
    const hex = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
    hub.hubFault = (_, response, path) => {
      if (!path.includes('/resolve/')) return false;
      const headers = { 'content-encoding': 'gzip', 'x-linked-etag': `W/"${hex}"` };
      response.writeHead(200, { ...headers, 'x-linked-size': content.length }).end(gzipSync(content));
      return true;
    };
    expect(await read(hub, 'hf://acme/digits', 'model.json')).toEqual(content);
  });

  it.each<[string, (hub: FakeHub) => string]>([
    ['in a loop', () => '/acme/digits/resolve/again'],
    ['to a metadata address', () => 'http://169.254.169.254/latest/meta-data/'],
    ['to no http', () => 'file:///etc/passwd'],
  ])('refuses to be redirected %s, for bytes and for what is said of them', async (_, to) => {
    const hub = await startHub();
    hub.hubFault = (__, response, path) => {
      if (!path.includes('/resolve/')) return false;
      response.writeHead(302, { location: to(hub) }).end();
      return true;
    };
    const source = sourceAt(hub, 'hf://acme/digits');
    await expect(source.open('model.json', patient)).rejects.toMatchObject({ kind: 'permanent' });
    await expect(source.vouchFor?.('model.json', patient)).rejects.toMatchObject({ kind: 'permanent' });
    expect(hub.requests.length).toBeLessThan(20);
  });
});
