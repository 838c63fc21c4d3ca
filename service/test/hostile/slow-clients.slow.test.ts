import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { expectColour, expectProblem, predict } from '../support/answers.js';
import { startApp } from '../support/app.js';
import { quickColour } from '../support/heavy-model.js';
import { multipart, plainPng } from '../support/images.js';
import { parseMetrics, readMetric } from '../support/metrics.js';
import { meanColourModel, temporaryFolder, wideModel, writeModelFolder } from '../support/models.js';
import { head, RawConnection, wholeRequest } from '../support/raw-connection.js';
import { type ServiceProcess, startService, startSharedService } from '../support/service-process.js';

const SLOW_BODIES = 1000;
const HONEST_REQUESTS = 100;
const PATIENCE = { timeout: 15_000, interval: 50 };

let service: ServiceProcess;
beforeAll(async () => {
  const shared = await startSharedService(meanColourModel(), { REQUEST_TIMEOUT_MS: '60000' });
  service = shared.service;
  return shared.end;
});

async function openMany(url: string, count: number): Promise<RawConnection[]> {
  const connections = await Promise.all(Array.from({ length: count }, () => RawConnection.open(url)));
  onTestFinished(() => {
    for (const connection of connections) connection.destroy();
  });
  return connections;
}

describe('a thousand bodies that come a byte a second', () => {
  it('take nobody else place or time, and end with REQUEST_TIMEOUT', async () => {
    const slow = await openMany(service.url, SLOW_BODIES);
    const type = { 'content-type': 'image/png', 'content-length': 60_000 };
    for (const connection of slow) await connection.write(head('POST', '/predict', type));
    const dripping = setInterval(() => {
      for (const connection of slow) if (!connection.isOver) void connection.write('x');
    }, 1000);
    onTestFinished(() => clearInterval(dripping));
    const image = await plainPng(quickColour(1));
    for (let request = 0; request < HONEST_REQUESTS; request++) {
      expectColour(await predict(service.url, image), quickColour(1));
    }
    expect(await readMetric(service.url, 'cv_in_flight_images')).toBe(0);
    for (const connection of slow) expectProblem(await connection.receive(), 'REQUEST_TIMEOUT');
  });

  it('are given up by the pace that is set, forms and JSON too', async () => {
    const paced = await startService({
      MODEL_URI: await writeModelFolder(meanColourModel(), undefined, await temporaryFolder()),
      REQUEST_TIMEOUT_MS: '60000',
      MIN_BODY_BYTES_PER_SECOND: '10000',
    });
    const types = ['image/png', 'application/json', 'multipart/form-data; boundary=edge'];
    const [raw, json, form] = await openMany(paced.url, 3);
    for (const [index, connection] of [raw, json, form].entries()) {
      const headers = { 'content-type': types[index] ?? '', 'content-length': 60_000 };
      await connection?.write(head('POST', '/predict', headers));
      await connection?.write(index === 1 ? '{"x": "' : '--edge\r\n');
    }
    for (const connection of [raw, json, form]) {
      if (connection !== undefined) expectProblem(await connection.receive(), 'REQUEST_TIMEOUT');
    }
  });
});

describe('a client that does not read its answers', () => {
  const CLIENTS = 6;
  const IMAGES = 32;
  /** With them an answer has a megabyte and a half. */
  const LABELS = Array.from({ length: 1000 }, (_, id) => `label ${id}`);
  const MANIFEST = {
    schema_version: 1,
    name: 'wide',
    version: '1',
    file: 'model.onnx',
    task: 'classification',
    output: { activation: 'none', labels: LABELS },
  };
  const ENDED = 'cv_http_requests_total{method="POST",route="/predict/batch",status="499"}';

  /** The service at a socket for which the kernel keeps little. */
  async function startWide(environment: Record<string, string>) {
    const app = await startApp({
      MODEL_URI: await writeModelFolder(wideModel(LABELS.length), MANIFEST),
      MAX_EXPECTED_WAIT_MS: '60000',
      ...environment,
    });
    const path = join(await temporaryFolder(), 'socket');
    await app.server.listen({ path });
    const read = async (name: string): Promise<number | undefined> =>
      parseMetrics((await app.server.inject('/metrics')).body).get(name);
    return { app, url: `unix:${path}`, read };
  }

  async function askWithoutReading(url: string, clients: number): Promise<void> {
    const image = await plainPng(quickColour(2));
    const { payload, headers } = multipart(
      Array.from({ length: IMAGES }, () => ({ field: 'files', bytes: image })),
    );
    for (const client of await openMany(url, clients)) {
      client.stopReading();
      await client.write(wholeRequest('/predict/batch?top_k=1000', payload, headers));
    }
  }

  it('holds no place, and the slowest lose their connections where all take too much memory', async () => {
    const { app, url, read } = await startWide({ MAX_IN_FLIGHT_BYTES: '5000000' });
    await askWithoutReading(url, CLIENTS);
    const served = () => read('cv_images_total{outcome="ok"}');
    await vi.waitFor(async () => expect(await served()).toBe(CLIENTS * IMAGES), PATIENCE);
    expect(await read('cv_in_flight_images')).toBe(0);
    expect(await read('cv_in_flight_bytes')).toBe(0);
    await vi.waitFor(async () => expect(await read(ENDED)).toBe(CLIENTS - 3), PATIENCE);
    const payload = await plainPng(quickColour(2));
    const answer = await app.server.inject({ method: 'POST', url: '/predict', payload });
    expect(answer.statusCode).toBe(200);
  });

  it('loses its connection when nothing of its answer has moved for a time', async () => {
    const { url, read } = await startWide({});
    await askWithoutReading(url, 1);
    await vi.waitFor(async () => expect(await read(ENDED)).toBe(1), PATIENCE);
  });
});
