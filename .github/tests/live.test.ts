import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ScriptedServer, startScriptedServer } from '../../service/test/support/s3-server.js';
import { callsOf, fakeTool } from './support/fake-tools.js';
import { emptyFolder } from './support/folder.js';
import { type Ended, type Environment, ROOT, run, runBeside, SCRIPTS } from './support/run.js';
import { workflowNamed } from './support/workflows.js';

const SCRIPT = join(SCRIPTS, 'with-dashboard');
const ADDRESS = 'https://quiet-river-runs.trycloudflare.com';
const INSTALL_MS = 120_000;
const SOON = { timeout: 30_000, interval: 100 };
/** As the real one says it where it cannot have a tunnel. */
const NO_TUNNEL = 'failed to request quick Tunnel: Post "https://api.trycloudflare.com/tunnel": EOF';

const SERVICE = '/api/v1/namespaces/monitoring/services/kube-prometheus-stack';
const ALERT = {
  fingerprint: 'a1b2c3',
  startsAt: '2026-01-15T10:30:00Z',
  labels: { alertname: 'CvInferenceDown', namespace: 'cv-inference', severity: 'critical' },
  annotations: { summary: 'Nothing answers' },
  status: { silencedBy: [] },
};

/** Of the API server, which has nothing to show but an alert: the dashboard is the real one, and so is kubectl. */
let cluster: ScriptedServer;

beforeAll(async () => {
  for (const args of [
    ['ci', '--no-audit', '--no-fund'],
    ['run', 'build'],
  ])
    execFileSync('npm', [...args, '--prefix', 'dashboard'], {
      cwd: ROOT,
      stdio: 'pipe',
      timeout: INSTALL_MS,
    });
  cluster = await startScriptedServer(({ url = '' }, response) => {
    if (url.startsWith(`${SERVICE}-alertmanager:9093/proxy/api/v2/alerts?`))
      response.end(JSON.stringify([ALERT]));
    else if (url.startsWith(`${SERVICE}-prometheus:9090/proxy/api/v1/query?`))
      response.end('{"status":"success","data":{"resultType":"vector","result":[]}}');
    else if (url.includes('watch=true')) response.flushHeaders();
    else response.end('{"metadata":{"resourceVersion":"1"},"items":[]}');
  });
}, 2 * INSTALL_MS);
afterAll(() => cluster.close());

interface Live {
  readonly bin: string;
  readonly logs: string;
  readonly summary: string;
  readonly ended: Promise<Ended>;
  /** Where the scripted tunnel listens. */
  tunnel(): string;
  /** Lets the command that stands for the demonstration end, with 7. */
  finish(): void;
}

/** The script, whose command has begun. What is published is what support/tunnel.mjs lets through. */
async function start(env: Environment = {}, prepare: (bin: string) => void = () => undefined): Promise<Live> {
  const bin = emptyFolder();
  prepare(bin);
  const file = (name: string): string => join(bin, name);
  const config = {
    'current-context': 'it',
    clusters: [{ name: 'it', cluster: { server: cluster.url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'it', user: { token: 'it' } }],
    contexts: [{ name: 'it', context: { cluster: 'it', user: 'it' } }],
  };
  writeFileSync(file('kubeconfig'), JSON.stringify(config));
  copyFileSync(join(import.meta.dirname, 'support/tunnel.mjs'), file('tunnel.mjs'));
  fakeTool(bin, 'npm', [{ call: /^npm (ci|run build) --prefix dashboard/ }]);
  fakeTool(bin, 'curl', [
    { call: /./, does: `while [[ $1 != --output ]]; do shift; done; cp ${file('tunnel.mjs')} "$2"` },
  ]);
  fakeTool(bin, 'sha256sum', [{ call: /--check/, does: `cat >${file('sum')}` }]);
  const demonstration = `touch ${file('begun')}; until [[ -e ${file('go')} ]]; do sleep 0.1; done; exit 7`;
  const ended = runBeside(SCRIPT, ['bash', '-c', demonstration], {
    bin,
    env: {
      KUBECONFIG: file('kubeconfig'),
      LOGS: file('logs'),
      PUBLIC_MINUTES: '15',
      GITHUB_STEP_SUMMARY: file('summary'),
      STATE: file('tunnel'),
      ...env,
    },
  });
  await Promise.race([ended, vi.waitFor(() => expect(existsSync(file('begun'))).toBe(true), SOON)]);
  return {
    bin,
    logs: file('logs'),
    summary: file('summary'),
    ended,
    tunnel: () => `http://127.0.0.1:${readFileSync(file('tunnel'), 'utf8')}`,
    finish: () => writeFileSync(file('go'), ''),
  };
}

function minutesAreSeconds(bin: string): void {
  const script =
    '#!/usr/bin/env bash\nkill=$1 minutes=$2\nshift 2\nexec /usr/bin/timeout "$kill" "$(tr m s <<<"$minutes")" "$@"\n';
  writeFileSync(join(bin, 'timeout'), script, { mode: 0o755 });
}

/** The address of the dashboard itself, which is no public one. */
function inside({ logs }: Live): string {
  return /http:\/\/127\.0\.0\.1:\d+/.exec(readFileSync(join(logs, 'dashboard.log'), 'utf8'))?.[0] ?? '';
}

function isThere(url: string): Promise<boolean> {
  return fetch(`${url}/health`).then(
    ({ status }) => status === 200,
    () => false,
  );
}

/** Begins with the whole state. */
function firstOfStream(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(`${url}/events`, { headers: { host: new URL(ADDRESS).host } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (!text.includes('event: snapshot')) return;
        resolve(text);
        request.destroy();
      });
    });
    request.on('error', reject);
  });
}

describe('a dashboard beside a demonstration', () => {
  it('has a public address where that is asked for, with a warning, and can be read and not written there', async () => {
    const live = await start();
    expect(await firstOfStream(live.tunnel())).toContain('the dashboard has started');
    expect((await fetch(live.tunnel())).headers.get('content-security-policy')).toContain(
      "default-src 'none'",
    );
    await vi.waitFor(async () => expect((await fetch(`${live.tunnel()}/ready`)).status).toBe(200), SOON);
    for (const method of ['POST', 'PUT', 'DELETE'])
      expect((await fetch(`${live.tunnel()}/state`, { method })).status).toBe(404);
    live.finish();
    const { code, stdout } = await live.ended;
    expect(code).toBe(7);
    expect(stdout).toMatch(
      new RegExp(`^::warning title=The dashboard is public::${ADDRESS} Until \\d\\d:\\d\\d UTC`, 'm'),
    );
    expect(readFileSync(live.summary, 'utf8')).toMatch(
      new RegExp(`^## The dashboard is public\n\n${ADDRESS}\n\n> \\[!WARNING\\]\n> Until`),
    );
    expect([await isThere(live.tunnel()), await isThere(inside(live))]).toEqual([false, false]);
    expect(readFileSync(join(live.logs, 'timeline.jsonl'), 'utf8')).toContain('the dashboard has started');
  });

  it('has none that is not asked for', async () => {
    const live = await start({ PUBLIC_MINUTES: '0' });
    expect(await isThere(inside(live))).toBe(true);
    live.finish();
    const { code, stdout } = await live.ended;
    expect([code, stdout]).toEqual([7, '']);
    expect(callsOf(live.bin).filter((call) => !call.startsWith('npm '))).toEqual([]);
    expect(existsSync(live.summary)).toBe(false);
  });

  it('shows what Alertmanager and Prometheus say, by the API server', async () => {
    const live = await start({ PUBLIC_MINUTES: '0' });
    await vi.waitFor(async () => {
      const state = (await (await fetch(`${inside(live)}/state`)).json()) as {
        items: { kind: string; name: string }[];
        sources: { name: string; state: string }[];
      };
      expect(state.items).toMatchObject([{ kind: 'alert', name: 'CvInferenceDown' }]);
      const connected = state.sources.filter(({ state: its }) => its === 'connected');
      expect(connected.map(({ name }) => name)).toEqual(expect.arrayContaining(['alerts', 'metrics']));
    }, SOON);
    live.finish();
    expect((await live.ended).code).toBe(7);
  });

  it.each([
    ['', {}],
    [', also where it does not end by itself', { STUBBORN: '1' }],
  ])('loses it after its minutes, while the demonstration goes on%s', async (_, env: Environment) => {
    const live = await start({ PUBLIC_MINUTES: '5', ...env }, minutesAreSeconds);
    expect(await isThere(live.tunnel())).toBe(true);
    await vi.waitFor(async () => expect(await isThere(live.tunnel())).toBe(false), SOON);
    expect(await isThere(inside(live))).toBe(true);
    live.finish();
    expect((await live.ended).code).toBe(7);
  });

  it('has a tunnel of the pinned version alone', async () => {
    const live = await start();
    live.finish();
    await live.ended;
    const [, version] = /^readonly CLOUDFLARED=([\d.]+)$/m.exec(readFileSync(SCRIPT, 'utf8')) ?? [];
    expect(callsOf(live.bin)[0]).toMatch(
      `https://github.com/cloudflare/cloudflared/releases/download/${version}/cloudflared-linux-amd64`,
    );
    expect(readFileSync(join(live.bin, 'sum'), 'utf8')).toMatch(/^[0-9a-f]{64} {2}\/\S+\/cloudflared\n$/);
  });
});

describe('a demonstration does not begin', () => {
  const attempt = (env: Environment, tools: (bin: string) => void = () => undefined) => {
    const bin = emptyFolder();
    fakeTool(bin, 'npm', [{ call: /./ }]);
    tools(bin);
    const all = { LOGS: join(bin, 'logs'), KUBECONFIG: join(bin, 'none'), PUBLIC_MINUTES: '1', ...env };
    return { bin, ...run(SCRIPT, ['touch', join(bin, 'begun')], { bin, env: all }) };
  };

  it('with a tunnel that is another than the pinned one', () => {
    const { code, bin } = attempt({}, (folder) =>
      fakeTool(folder, 'curl', [
        { call: /./, does: 'while [[ $1 != --output ]]; do shift; done; echo other >"$2"' },
      ]),
    );
    expect(code).not.toBe(0);
    expect(callsOf(bin)).toHaveLength(1);
    expect(existsSync(join(bin, 'begun'))).toBe(false);
  });

  it('where the dashboard does not start, and says what that said', () => {
    const { code, stderr, bin } = attempt({ PUBLIC_MINUTES: '0' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/the dashboard cannot run[\s\S]*the dashboard has not started/);
    expect(existsSync(join(bin, 'begun'))).toBe(false);
  });

  it('where no tunnel is to be had, and says why', async () => {
    const live = await start({ REFUSE: NO_TUNNEL });
    const { code, stdout, stderr } = await live.ended;
    expect([code, existsSync(join(live.bin, 'begun'))]).toEqual([1, false]);
    expect(stderr).toContain(NO_TUNNEL);
    expect(stdout).not.toContain('::warning');
    expect(await isThere(inside(live))).toBe(false);
  });

  it.each(['61', '600', '-1', '1.5', 'forever', '1; id', ''])('for %j minutes', (minutes) => {
    const { code, bin } = attempt({ PUBLIC_MINUTES: minutes });
    expect([code === 0, callsOf(bin)]).toEqual([false, []]);
  });
});

describe('gitops-demo.yml', () => {
  it('runs where a script changes that it runs, or what that builds', () => {
    const { on, jobs } = workflowNamed('gitops-demo');
    const { paths } = on['pull_request'] as { readonly paths: readonly string[] };
    const commands = jobs['cluster']?.steps?.flatMap(({ run: command = '' }) => command.split(' ')) ?? [];
    const files = [...commands.filter((word) => word.includes('/')), 'dashboard/Dockerfile'];
    expect(files.length).toBeGreaterThan(4);
    expect(files.filter((file) => !paths.some((path) => file.startsWith(path.replace('**', ''))))).toEqual(
      [],
    );
  });
});

describe('dashboard-live.yml', () => {
  const { on, permissions, jobs, text } = workflowNamed('dashboard-live');

  it('makes nothing public unless somebody chooses minutes that the script takes', () => {
    const inputs = (on['workflow_dispatch'] as { readonly inputs: Record<string, unknown> }).inputs;
    expect(Object.keys(on)).toEqual(['workflow_dispatch']);
    expect(inputs['public_minutes']).toMatchObject({ default: '0', options: ['0', '15', '30', '60'] });
    const called = workflowNamed('gitops-demo');
    expect(called.on['workflow_call']).toMatchObject({ inputs: { public_minutes: { default: '0' } } });
    const given = called.jobs['cluster']?.steps?.flatMap(({ env }) => env?.['PUBLIC_MINUTES'] ?? []);
    expect(given).toEqual([`\${{ inputs.public_minutes || '0' }}`]);
  });

  it('may read the code, and has no secrets', () => {
    expect([permissions, jobs['demo']?.permissions]).toEqual([{}, { contents: 'read' }]);
    for (const one of [text, workflowNamed('gitops-demo').text])
      expect(one).not.toMatch(/secrets\b|github\.token|id-token/i);
  });
});
