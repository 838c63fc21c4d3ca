import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { requiredTool } from '../../../k8s/tests/support/tools.js';
import { startScriptedServer } from '../../../service/test/support/s3-server.js';

export interface Prometheus {
  readonly url: string;
  /** From now on it scrapes these lines. */
  expose(metrics: readonly string[]): void;
  /** @returns how many series a query finds */
  count(query: string): Promise<number>;
  close(): Promise<void>;
}

/** A real Prometheus, which scrapes these lines every second. */
export async function startPrometheus(metrics: readonly string[]): Promise<Prometheus> {
  let exposed = metrics;
  const exporter = await startScriptedServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(`${exposed.join('\n')}\n`);
  });
  const folder = await mkdtemp(join(tmpdir(), 'cv-prometheus-'));
  const job = {
    job_name: 'it',
    honor_labels: true,
    static_configs: [{ targets: [exporter.url.replace('http://', '')] }],
  };
  const config = { global: { scrape_interval: '1s' }, scrape_configs: [job] };
  await writeFile(join(folder, 'prometheus.yaml'), stringify(config));
  const port = await freePort();
  const child = spawn(
    requiredTool('prometheus'),
    ['--config.file=prometheus.yaml', `--web.listen-address=127.0.0.1:${port}`, '--storage.tsdb.path=data'],
    { cwd: folder, stdio: 'ignore' },
  );
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    expose(next) {
      exposed = next;
    },
    async count(query) {
      const answer = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query })}`);
      const { data } = (await answer.json()) as { readonly data: { readonly result: readonly unknown[] } };
      return data.result.length;
    },
    async close() {
      child.kill();
      if (child.exitCode === null) await once(child, 'exit');
      await exporter.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
