import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Camera, type View } from './camera.js';

const PATIENCE = { timeout: 10_000 };

/** Answers every picture with 3; keeps feedback only when it is sent a second time. */
describe('the camera', () => {
  const kept: unknown[] = [];
  let refused = 0;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (request.url === '/predict') {
      response.end(JSON.stringify({ predictions: [{ label: '3', score: 1 }] }));
    } else if (refused === 0) {
      refused += 1;
      response.writeHead(503).end();
    } else {
      kept.push(JSON.parse(Buffer.concat(chunks).toString()));
      response.end('{}');
    }
  });
  let camera: Camera;
  let view: View;
  let url: string;

  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const pictures = ['3', '4'].map((label) => ({ data: new Uint8Array([1]), label }));
    view = { pictures, judge: (label) => `people say ${label}`, judgedShare: 1, judgedAfterMs: 0 };
    camera = new Camera(100, view, [{ url, share: 1 }]);
    camera.start();
    await vi.waitFor(() => expect(camera.answered.length).toBeGreaterThan(10), PATIENCE);
    await camera.stop();
  });
  afterAll(() => void server.close());

  it('knows how many answers are right, whatever people say', () => {
    expect(camera.accuracy(0, Date.now() + 1)).toBeCloseTo(0.5, 1);
    expect(Number.isNaN(camera.accuracy(0, 1))).toBe(true);
  });

  it('passes on what people say, and again what could not be kept', () => {
    expect([refused, camera.failures]).toEqual([1, []]);
    expect(kept).toHaveLength(camera.answered.length);
    expect(kept).toContainEqual({ request_id: expect.any(String), label: 'people say 4' });
  });

  it('goes on while people take their time, and does not wait for what they have not said at its end', async () => {
    const before = kept.length;
    const slow = new Camera(100, { ...view, judgedAfterMs: 200 }, [{ url, share: 1 }]);
    slow.start();
    await vi.waitFor(() => expect(slow.answered.length).toBeGreaterThan(0), PATIENCE);
    expect(kept).toHaveLength(before);
    await vi.waitFor(() => expect(kept.length).toBeGreaterThan(before), PATIENCE);
    // More than may be in flight.
    expect(slow.answered.length).toBeGreaterThan(16);
    await slow.stop();
    expect(kept.length - before).toBeLessThan(slow.answered.length);
    expect(slow.failures).toEqual([]);
  });
});
