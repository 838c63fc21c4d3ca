import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBeside, startLoad } from './support/client.js';
import { ATTACHED, deployBoth, HOSTS, makeCertificate, OWNER } from './support/gateway.js';
import { clusterAbsent, field, isFull, kubectl, rounded, until } from './support/kubectl.js';
import { Repository } from './support/repository.js';
import { untilRolledOut } from './support/rollouts.js';

const IN_OWNER = `--namespace=${OWNER}`;
const GOLDEN = 'service/models/digits/golden/7-blocks.png';
/** MAX_BATCH_BYTES as base64. */
const MAX_BATCH_BYTES = Math.floor((40 * 2 ** 20 * 4) / 3);
/** Of the ClientSettingsPolicy: 56m. */
const MAX_BODY_BYTES = 56 * 2 ** 20;

interface Asked {
  readonly host?: string;
  readonly path: string;
  readonly isSecure?: boolean;
  readonly file?: string;
  readonly batchBytes?: number;
}

interface Answer {
  readonly status: number;
  readonly contentType?: string;
  readonly location?: string;
  readonly text: string;
}

let gateway = '';
let script = '';

/** What a pod outside the service is answered at the gateway. */
async function ask(request: Asked): Promise<Answer> {
  const what = JSON.stringify({ gateway, host: HOSTS[OWNER], ...request });
  const node = ['node', '--input-type=module', '--eval', script, what];
  return JSON.parse(await kubectl(IN_OWNER, 'exec', 'asks', '--', ...node)) as Answer;
}

const statusAt = async (request: Asked): Promise<number> => (await ask(request)).status;

async function modelAt(host: string | undefined, isSecure = false): Promise<string> {
  const { text } = await ask({ host, path: '/model', isSecure } as Asked);
  return (JSON.parse(text) as { name: string }).name;
}

const untilStatus = (wanted: number, request: Asked): Promise<number> =>
  until(
    { withinS: 60, what: `${request.host} ${request.path} is answered with ${wanted}` },
    async () => (await statusAt(request)) === wanted,
  );

describe.skipIf(clusterAbsent())('the gateway', () => {
  let repository: Repository;

  beforeAll(async () => {
    script = await readFile(join(import.meta.dirname, 'support/ask.mjs'), 'utf8');
    repository = await Repository.copy();
    await kubectl('delete', 'namespace', OWNER, ATTACHED, '--ignore-not-found');
    await deployBoth(repository, false);
    for (const namespace of [OWNER, ATTACHED]) {
      await untilRolledOut(namespace, 'deployment/cv-inference', 180);
    }
    await startBeside(OWNER, 'asks', 'setInterval(() => {}, 1e6)');
    const service = ['services', '--all-namespaces', '--selector=app.kubernetes.io/instance=nginx-gateway'];
    gateway = (await field('{.items[0].spec.clusterIP}', ...service)) ?? '';
    await untilStatus(200, { path: '/model' });
    await untilStatus(200, { host: HOSTS[ATTACHED], path: '/model' });
  });
  afterAll(async () => {
    await kubectl('delete', 'namespace', OWNER, ATTACHED, '--ignore-not-found', '--wait=false');
    await repository.remove();
  });

  it('leads to the service, and to its public paths alone', async () => {
    const { status, text } = await ask({ path: '/predict', file: GOLDEN });
    expect(status, text).toBe(200);
    expect(text).toContain('"label":"7"');
    const paths = ['/metrics', '/ready', '/health', '/', '/predict/other'];
    const statuses = await Promise.all(paths.map((path) => statusAt({ path })));
    expect(statuses).toEqual(paths.map(() => 404));
  });

  it('takes a batch as large as the service does; of a larger one the service says why, of one beyond 56 MiB NGINX', async () => {
    const batch = { path: '/predict/batch', file: GOLDEN };
    const largest = await ask({ ...batch, batchBytes: MAX_BATCH_BYTES });
    expect(largest.status, largest.text).toBe(200);
    const refused = await ask({ ...batch, batchBytes: MAX_BODY_BYTES });
    expect([refused.status, refused.contentType]).toEqual([413, 'application/problem+json']);
    const outside = await ask({ ...batch, batchBytes: MAX_BODY_BYTES + 1 });
    expect([outside.status, outside.contentType]).toEqual([413, 'text/html']);
  });

  it('leads each host name to its own service, and no other name anywhere', async () => {
    expect(await modelAt(HOSTS[OWNER])).toBe('digits');
    expect(await modelAt(HOSTS[ATTACHED])).toBe('digit-finder');
    expect(await statusAt({ host: 'other.example.com', path: '/model' })).toBe(404);
  });

  it.runIf(isFull)('loses no request in a rolling restart', async ({ annotate }) => {
    const stop = await startLoad(OWNER, 10, { target: `http://${gateway}`, host: HOSTS[OWNER] });
    await sleep(3_000);
    await kubectl(IN_OWNER, 'rollout', 'restart', 'deployment/cv-inference');
    await untilRolledOut(OWNER, 'deployment/cv-inference', 180);
    await sleep(5_000);
    const counts = await stop();
    await annotate(`${JSON.stringify(counts.answered)} of ${counts.sent}`);
    expect(counts.failed).toEqual({});
    // 429 is a pod's own word on a busy machine; NGINX itself would say 502 or 504.
    expect(Object.keys(counts.answered).filter((status) => status !== '429')).toEqual(['200']);
  });

  it('serves on HTTPS with component https, each host name its service, and leads plain HTTP there', async ({
    annotate,
  }) => {
    await makeCertificate();
    const startedAt = performance.now();
    await deployBoth(repository, true);
    await untilStatus(301, { path: '/model' });
    await annotate(rounded((performance.now() - startedAt) / 1000));
    for (const host of Object.values(HOSTS)) {
      expect(await ask({ host, path: '/model' })).toMatchObject({
        status: 301,
        location: `https://${host}/model`,
      });
    }
    expect(await modelAt(HOSTS[OWNER], true)).toBe('digits');
    expect(await modelAt(HOSTS[ATTACHED], true)).toBe('digit-finder');
  });
});
