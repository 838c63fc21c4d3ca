import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import { Dashboard } from '../../dashboard.js';
import { clientOf } from '../../kubernetes/client.js';
import { readSettings } from '../../settings.js';

export interface RunningDashboard {
  readonly url: string;
  metric(line: string): Promise<number>;
  close(): Promise<void>;
}

export interface StartOptions {
  /** Of the API server, or what stands before it. */
  readonly server: string;
  readonly token: string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly stallMs?: number;
}

/** The dashboard in this process, which it leaves when it is closed. */
export async function startDashboard({
  server,
  token,
  settings = {},
  stallMs = 30_000,
}: StartOptions): Promise<RunningDashboard> {
  const stop = new AbortController();
  const dashboard = await Dashboard.start({
    settings: readSettings(settings),
    client: clientOf(configFor(server, token)),
    logger: pino({ level: 'silent' }),
    pageRoot: await pageFolder(),
    stop: stop.signal,
    stallMs,
  });
  const url = await dashboard.server.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    async metric(line) {
      const text = await (await fetch(`${url}/metrics`)).text();
      const found = text.split('\n').find((one) => one.startsWith(`${line} `));
      return Number(found?.slice(line.length));
    },
    async close() {
      stop.abort();
      await dashboard.close();
    },
  };
}

function configFor(server: string, token: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'it', server, skipTLSVerify: true }],
    users: [{ name: 'it', token }],
    contexts: [{ name: 'it', cluster: 'it', user: 'it' }],
    currentContext: 'it',
  });
  return config;
}

async function pageFolder(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'cv-dashboard-page-'));
  for (const folder of ['dashboard/page', 'service/playground'])
    await mkdir(join(root, folder), { recursive: true });
  await writeFile(join(root, 'dashboard/page/index.html'), '<!doctype html><title>it</title>');
  await writeFile(join(root, 'service/playground/dom.js'), 'export {};');
  return root;
}
