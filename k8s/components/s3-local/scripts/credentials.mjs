// Makes a Secret with random S3 credentials, unless there is one: credentials.mjs NAME
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';

const ACCOUNT = process.env.SERVICE_ACCOUNT_DIR ?? '/var/run/secrets/kubernetes.io/serviceaccount';
const API =
  process.env.KUBERNETES_API ??
  `https://${process.env.KUBERNETES_SERVICE_HOST}:${process.env.KUBERNETES_SERVICE_PORT}`;

const [name] = process.argv.slice(2);
const namespace = await readFile(`${ACCOUNT}/namespace`, 'utf8');
const token = await readFile(`${ACCOUNT}/token`, 'utf8');

const response = await fetch(`${API}/api/v1/namespaces/${namespace}/secrets`, {
  method: 'POST',
  headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  body: JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, labels: { 'app.kubernetes.io/part-of': 'cv-inference' } },
    stringData: {
      AWS_ACCESS_KEY_ID: randomBytes(10).toString('hex'),
      AWS_SECRET_ACCESS_KEY: randomBytes(20).toString('hex'),
    },
  }),
  signal: AbortSignal.timeout(10_000),
});
if (!response.ok && response.status !== 409) {
  throw new Error(`the API server answered ${response.status}: ${await response.text()}`);
}
process.stdout.write(`${name}: ${response.ok ? 'made' : 'is there already'}\n`);
