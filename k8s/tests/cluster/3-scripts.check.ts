import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOOLS_DIR, tool } from '../support/tools.js';
import { ask, clusterAbsent, kubectl, until } from './support/kubectl.js';

const ROOT = join(import.meta.dirname, '../../..');
const OVERLAY = join(ROOT, 'k8s/overlays/local');
const LIMIT_MS = 300_000;

describe.skipIf(clusterAbsent())('the scripts of loadtest/cluster, on a cluster that is there', () => {
  let out = '';
  let context = '';
  beforeAll(async () => {
    out = await mkdtemp(join(tmpdir(), 'cv-loadtest-'));
    context = (await kubectl('config', 'current-context')).trim();
  });
  afterAll(async () => {
    await rm(out, { recursive: true, force: true });
    await kubectl('delete', '--kustomize', OVERLAY, '--ignore-not-found', '--wait');
    await until(
      { withinS: 120, what: 'the namespace is gone' },
      async () => (await ask('get', 'namespace', 'cv-inference')) === undefined,
    );
  });

  /** @returns what it has said, where it ended well */
  async function run(script: string, ...args: readonly string[]): Promise<string> {
    const child = spawn(join(ROOT, 'loadtest/cluster', script), args, {
      cwd: ROOT,
      timeout: LIMIT_MS,
      env: {
        PATH: `${TOOLS_DIR}:${dirname(tool('kubectl') ?? '')}:${process.env['PATH']}`,
        HOME: process.env['HOME'],
        KUBECONFIG: process.env['KUBECONFIG'],
        CONTEXT: context,
        IMAGE: 'cv-inference:local',
        OUT: out,
        RATE: '10',
        DURATION: '10s',
      },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`${script} ended with ${code}: ${said.slice(-2000)}`);
    return said;
  }

  it('deploy, and deploy again', async () => {
    await run('deploy.sh');
    expect(await run('deploy.sh')).toContain('cv-inference:local runs');
  });
  it('validate', async () => {
    expect(await run('validate.sh')).toContain('ok    answers');
  });
  it.skipIf(tool('k6') === undefined)('load it, and bring the reports', async () => {
    await run('loadtest.sh', 'smoke');
    expect((await readdir(out)).length).toBeGreaterThan(0);
  });
});
