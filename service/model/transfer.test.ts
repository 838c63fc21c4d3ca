import { once } from 'node:events';
import type { RequestListener, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ScriptedServer, startScriptedServer } from '../test/support/s3-server.js';
import { openSource } from './sources/open-source.js';
import type { ModelSource } from './sources/source.js';
import { type Sink, type TransferLimits, transferOnce } from './transfer.js';

const LIMITS: TransferLimits = { maxBytes: 2 ** 30, responseTimeoutMs: 10_000, stallTimeoutMs: 10_000 };
const MIB = 1024 * 1024;
const servers: ScriptedServer[] = [];
const discard: Sink = async () => {};

async function serve(listener: RequestListener, scheme: 'http' | 's3' = 'http'): Promise<ModelSource> {
  const server = await startScriptedServer(listener);
  servers.push(server);
  if (scheme === 'http') return openSource(`${server.url}/`);
  return openSource('s3://models/', { s3: { endpoint: server.url } });
}

function move(
  source: ModelSource,
  limits: Partial<TransferLimits> = {},
  sink = discard,
  signal?: AbortSignal,
) {
  return transferOnce(
    {
      source,
      name: 'model.onnx',
      limits: { ...LIMITS, ...limits },
      signal: signal ?? new AbortController().signal,
    },
    sink,
  );
}

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const server of servers.splice(0)) await server.close();
});

describe.each(['http', 's3'] as const)('a transfer over %s', (scheme) => {
  const serveHere = (listener: RequestListener) => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'key');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
    return serve(listener, scheme);
  };

  it('fails as transient when no answer comes in time, and hangs up', async () => {
    let hungUp: Promise<unknown> = Promise.reject(new Error('nobody asked'));
    hungUp.catch(() => {});
    const source = await serveHere((_, response) => {
      hungUp = once(response, 'close');
    });
    await expect(move(source, { responseTimeoutMs: 500 })).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      kind: 'transient',
    });
    await hungUp;
  });

  it('fails as transient when the body stalls, and hangs up', async () => {
    let hungUp: Promise<unknown> | undefined;
    const source = await serveHere((_, response) => {
      hungUp = once(response, 'close');
      response.writeHead(200, { 'content-length': 100 });
      response.write('the first part');
    });
    await expect(move(source, { stallTimeoutMs: 50 })).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      kind: 'transient',
    });
    await hungUp;
  });

  it('is patient with a body that drips slowly but steadily', async () => {
    const source = await serveHere((_, response) => drip(response, 20));
    expect(await move(source, { stallTimeoutMs: 2_000 })).toBe(20);
  });

  it('fails as transient when the connection breaks in mid-body', async () => {
    const source = await serveHere((_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('part', () => response.destroy());
    });
    await expect(move(source)).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE', kind: 'transient' });
  });

  it('refuses with MODEL_INCOMPATIBLE what says that it is too large, before a byte is written', async () => {
    const source = await serveHere((_, response) => response.end(Buffer.alloc(11)));
    const sink = vi.fn(discard);
    await expect(move(source, { maxBytes: 10 }, sink)).rejects.toMatchObject({ code: 'MODEL_INCOMPATIBLE' });
    expect(sink).not.toHaveBeenCalled();
  });

  it('refuses with MODEL_INCOMPATIBLE what turns out too large, and hangs up', async () => {
    let hungUp: Promise<unknown> | undefined;
    const source = await serveHere((_, response) => {
      hungUp = once(response, 'close');
      response.write(Buffer.alloc(11));
    });
    await expect(move(source, { maxBytes: 10 })).rejects.toMatchObject({ code: 'MODEL_INCOMPATIBLE' });
    await hungUp;
  });

  it('lets a slow disk slow the sender down, instead of filling the memory', async () => {
    let sent = 0;
    let lead = 0;
    let received = 0;
    const source = await serveHere((_, response) => {
      const pieces = Readable.from(piecesOf(96, (bytes) => (sent += bytes)));
      pieces.pipe(response);
    });
    const sink: Sink = async (chunk) => {
      for (let turn = 0; turn < 4; turn += 1) await nextTurn();
      received += chunk.byteLength;
      lead = Math.max(lead, sent - received);
    };
    expect(await move(source, {}, sink)).toBe(96 * MIB);
    expect(lead).toBeLessThan(32 * MIB);
  });

  it("rejects with the signal's reason when it aborts in mid-body, and hangs up", async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    let hungUp: Promise<unknown> | undefined;
    const source = await serveHere((_, response) => {
      hungUp = once(response, 'close');
      response.write('part');
    });
    const sink: Sink = async () => controller.abort(reason);
    await expect(move(source, {}, sink, controller.signal)).rejects.toBe(reason);
    await hungUp;
  });
});

describe('a transfer', () => {
  it('calls a body that ends early truncated even when the connection ends cleanly', async () => {
    const source = stub(async () => ({ stream: Readable.from([Buffer.from('abc')]), size: 4 }));
    await expect(move(source)).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE', kind: 'transient' });
  });

  it('does not wait for a source that ignores its signal, and drops what it brings too late', async () => {
    const late = Readable.from([Buffer.from('late')]);
    const dropped = once(late, 'close');
    let bring: () => void = () => {};
    const source = stub(
      () =>
        new Promise((resolve) => {
          bring = () => resolve({ stream: late, size: undefined });
        }),
    );
    await expect(move(source, { responseTimeoutMs: 20 })).rejects.toMatchObject({ kind: 'transient' });
    bring();
    await dropped;
  });

  it('fails as transient when a stream that ignores the signal stalls, and drops it', async () => {
    const stream = new Readable({ read: () => {} });
    const dropped = once(stream, 'close');
    const source = stub(async () => ({ stream, size: undefined }));
    await expect(move(source, { stallTimeoutMs: 20 })).rejects.toMatchObject({ kind: 'transient' });
    await dropped;
  });

  it('does not count the time that writing takes as a stall', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const source = stub(async () => ({ stream: Readable.from([Buffer.from('abc')]), size: 3 }));
      const sink: Sink = async () => void vi.advanceTimersByTime(60_000);
      expect(await move(source, { stallTimeoutMs: 100 }, sink)).toBe(3);
    } finally {
      vi.useRealTimers();
    }
  });
});

function stub(open: ModelSource['open']): ModelSource {
  return {
    description: 'stub',
    identity: 'stub',
    entry: undefined,
    localDirectory: undefined,
    locate: (name) => `stub/${name}`,
    open,
    close: () => {},
  };
}

function drip(response: ServerResponse, pieces: number): void {
  if (pieces === 0) response.end();
  else response.write('.', () => setTimeout(drip, 5, response, pieces - 1));
}

function* piecesOf(count: number, onPiece: (bytes: number) => void): Generator<Buffer> {
  const piece = Buffer.alloc(MIB, 7);
  for (let index = 0; index < count; index += 1) {
    onPiece(piece.byteLength);
    yield piece;
  }
}
