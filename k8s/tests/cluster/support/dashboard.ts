import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Snapshot } from '../../../../dashboard/items.js';
import { K8S } from '../../support/render.js';
import { tool } from '../../support/tools.js';
import { ask, field, kubectl, until } from './kubectl.js';

const READMES = ['README.md', 'authors/README.md'].map((path) =>
  readFileSync(join(K8S, 'components/deployment-dashboard', path), 'utf8'),
);
const WHERE = '--namespace=cv-inference';
/** Argo CD's own program, as its administrator. */
const ARGOCD = `
argocd() { kubectl -n argocd exec deployment/argocd-server -- argocd --config /tmp/argocd "$@"; }
argocd login localhost:8080 --insecure --username admin --password "$PASSWORD" >&2
`;

/** Does what the READMEs have a person do by hand, once the namespace is there. */
export async function letDashboardIn(): Promise<void> {
  await until(
    { withinS: 120, what: 'the namespace is there' },
    async () => (await ask('get', 'namespace', 'cv-inference')) !== undefined,
  );
  const secret = ['--namespace=argocd', 'secret', 'argocd-initial-admin-secret'];
  const password = await field('{.data.password}', ...secret);
  const blocks = [...READMES.join('').matchAll(/```sh\n(.*?)```/gs)].map(([, block = '']) => block);
  const byHand = blocks.filter((block) => /applications\n|create secret/.test(block));
  const { PATH } = process.env;
  await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', [ARGOCD, ...byHand].join('\n')], {
    cwd: join(K8S, '..'),
    env: {
      ...process.env,
      PATH: [dirname(tool('kubectl') ?? ''), PATH].join(delimiter),
      PASSWORD: Buffer.from(password ?? '', 'base64').toString(),
    },
  });
}

/** What the dashboard's pod shows. */
export async function shown(): Promise<Snapshot> {
  const script = `fetch('http://127.0.0.1:8080/state').then((answer) => answer.text()).then(console.log)`;
  const pod = 'deployment/cv-inference-deployment-dashboard';
  return JSON.parse(await kubectl(WHERE, 'exec', pod, '--', 'node', '--eval', script)) as Snapshot;
}
