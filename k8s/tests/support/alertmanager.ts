import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { vi } from 'vitest';
import { stringify } from 'yaml';
import { startScriptedServer } from '../../../service/test/support/s3-server.js';
import { requiredTool } from './tools.js';

interface Received {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

/** A real Alertmanager, and a server that stands in for everybody it notifies. */
export interface Notified {
  readonly url: string;
  send(alerts: readonly object[]): Promise<void>;
  untilReceived(count: number): Promise<void>;
  bodiesAt(path: string): Record<string, unknown>[];
  /** Names of the alerts that came to a webhook. */
  alertsAt(path: string): string[];
  close(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function startReceiver(received: Received[]) {
  return startScriptedServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ path: request.url ?? '', body: JSON.parse(Buffer.concat(chunks).toString()) });
      response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"success"}');
    });
  });
}

/**
 * `config` as in the manifests; it notifies at once. Secrets are files; a path becomes a URL of the receiver.
 * @param edit of the configuration, as text, last of all
 */
export async function startAlertmanager(
  config: object,
  secrets: Readonly<Record<string, string>>,
  edit = (yaml: string): string => yaml,
): Promise<Notified> {
  const received: Received[] = [];
  const receiver = await startReceiver(received);
  const folder = mkdtempSync(join(tmpdir(), 'cv-alertmanager-'));
  for (const [file, value] of Object.entries(secrets)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), value.startsWith('/') ? `${receiver.url}${value}` : value);
  }
  const text = stringify({ ...config, global: { pagerduty_url: `${receiver.url}/v2/enqueue` } })
    .replaceAll('/etc/alertmanager/secrets', folder)
    .replace(/group_wait: .+/, 'group_wait: 1s');
  writeFileSync(join(folder, 'alertmanager.yaml'), edit(text));

  const url = `http://127.0.0.1:${await freePort()}`;
  const child = spawn(
    requiredTool('alertmanager'),
    [
      '--config.file=alertmanager.yaml',
      `--web.listen-address=${url.slice('http://'.length)}`,
      '--cluster.listen-address=',
      '--storage.path=data',
    ],
    { cwd: folder, stdio: 'ignore' },
  );
  const ready = async () => expect200(await fetch(`${url}/-/ready`));
  await vi.waitFor(ready, { timeout: 15_000, interval: 100 });

  const bodiesAt = (path: string) => received.filter((one) => one.path === path).map(({ body }) => body);
  return {
    url,
    send: async (alerts) => {
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify(alerts);
      expect200(await fetch(`${url}/api/v2/alerts`, { method: 'POST', headers, body }));
    },
    untilReceived: (count) =>
      vi.waitFor(
        () => {
          if (received.length < count) throw new Error(`${received.length} of ${count} notifications`);
        },
        { timeout: 15_000, interval: 100 },
      ),
    bodiesAt,
    alertsAt: (path) =>
      bodiesAt(path).flatMap(({ alerts }) =>
        (alerts as { labels: { alertname: string } }[]).map(({ labels }) => labels.alertname),
      ),
    close: async () => {
      child.kill();
      await once(child, 'exit');
      await receiver.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function expect200({ status, url }: Response): void {
  if (status !== 200) throw new Error(`${url} answered ${status}`);
}
