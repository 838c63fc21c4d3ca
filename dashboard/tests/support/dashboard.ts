import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import { Dashboard } from '../../dashboard.js';
import { clientOf } from '../../kubernetes/client.js';
import { readSettings } from '../../settings.js';

const ROOT = join(import.meta.dirname, '../../..');

export interface RunningDashboard {
  readonly url: string;
  metric(line: string): Promise<number>;
  /** Resolves when it knows what there is: what comes from then on is told as new. */
  untilReady(): Promise<void>;
  close(): Promise<void>;
}

export interface StartOptions {
  /** Of the API server, or what stands before it. */
  readonly server: string;
  readonly token: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** Any free one by default. */
  readonly port?: number;
}

/** The dashboard in this process, which it leaves when it is closed. */
export async function startDashboard({
  server,
  token,
  settings = {},
  port = 0,
}: StartOptions): Promise<RunningDashboard> {
  const stop = new AbortController();
  const dashboard = await Dashboard.start({
    settings: readSettings(settings),
    client: clientOf(configFor(server, token)),
    logger: pino({ level: 'silent' }),
    pageRoot: ROOT,
    stop: stop.signal,
  });
  const url = await dashboard.server.listen({ host: '127.0.0.1', port });
  return {
    url,
    async metric(line) {
      const text = await (await fetch(`${url}/metrics`)).text();
      const found = text.split('\n').find((one) => one.startsWith(`${line} `));
      return Number(found?.slice(line.length));
    },
    async untilReady() {
      while (!(await fetch(`${url}/ready`)).ok) await setTimeout(50);
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
