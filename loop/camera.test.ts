import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Camera } from './camera.js';

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

  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const pictures = ['3', '4'].map((label) => ({ data: new Uint8Array([1]), label }));
    const view = { pictures, judge: (label: string) => `people say ${label}`, judgedShare: 1 };
    camera = new Camera(100, view, [{ url, share: 1 }]);
    camera.start();
    await vi.waitFor(() => expect(camera.answered.length).toBeGreaterThan(10));
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
});
