import type { LookupAddress } from 'node:dns';
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { startScriptedServer } from '../../test/support/s3-server.js';

const resolved: LookupAddress[] = [];
// Test files share their modules: what this one changes begins and ends with it.
vi.resetModules();
vi.doMock('node:dns', () => ({
  lookup: (_: string, __: object, callback: (error: null, addresses: LookupAddress[]) => void) =>
    callback(null, resolved),
}));
afterAll(() => {
  vi.doUnmock('node:dns');
  vi.resetModules();
});
const { guardedLookup } = await import('./redirect-guard.js');
const { createHttpSource } = await import('./http.js');

/** What a connection gets: names are in the hands of whoever runs their servers, so that no real one serves here. */
function resolve(all: boolean, ...addresses: string[]): Promise<unknown> {
  resolved.splice(0, resolved.length);
  resolved.push(...addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
  return new Promise((done, fail) => {
    guardedLookup('models.example', { all }, (error, address) =>
      error === null ? done(address) : fail(error),
    );
  });
}

describe.each([true, false])('the look-up for redirects (all: %s)', (all) => {
  it.each(['169.254.169.254', 'fe80::1', 'fe80::1%eth0', '::ffff:169.254.169.254', 'fd00:ec2::254'])(
    'refuses a name that resolves to %s, also among others',
    async (address) => {
      const refusal = { code: 'MODEL_UNAVAILABLE', kind: 'permanent' };
      await expect(resolve(all, address)).rejects.toMatchObject(refusal);
      await expect(resolve(all, '10.0.0.1', address)).rejects.toMatchObject(refusal);
    },
  );

  it.each(['127.0.0.1', '10.0.0.1', '::1', 'fd00::1', '93.184.215.14'])('allows %s', async (address) => {
    const family = address.includes(':') ? 6 : 4;
    expect(await resolve(all, address)).toEqual(all ? [{ address, family }] : address);
  });
});

it('a redirect to a name that resolves to such an address is refused when it connects', async () => {
  resolved.splice(0, resolved.length, { address: '169.254.169.254', family: 4 });
  const { url, close } = await startScriptedServer((_, response) =>
    response.writeHead(302, { location: 'http://models.example/model.onnx' }).end(),
  );
  onTestFinished(close);
  const source = createHttpSource(`${url}/model.onnx`);
  onTestFinished(() => source.close());
  await expect(source.open('model.onnx', new AbortController().signal)).rejects.toMatchObject({
    code: 'MODEL_UNAVAILABLE',
    kind: 'permanent',
  });
});

it('what the operator has named is not checked, only where that redirects to', async () => {
  resolved.splice(0, resolved.length, { address: '169.254.169.254', family: 4 });
  const { url, close } = await startScriptedServer((request, response) => {
    const location = `http://localhost:${request.socket.localPort}/model.bin`;
    if (request.url === '/moved.onnx') response.writeHead(302, { location }).end();
    else response.end('bytes');
  });
  onTestFinished(close);
  const source = createHttpSource(url.replace('127.0.0.1', 'localhost'));
  onTestFinished(() => source.close());
  const { stream } = await source.open('model.onnx', new AbortController().signal);
  expect((await stream.toArray()).join('')).toBe('bytes');
  await expect(source.open('moved.onnx', new AbortController().signal)).rejects.toMatchObject({
    kind: 'permanent',
  });
});
