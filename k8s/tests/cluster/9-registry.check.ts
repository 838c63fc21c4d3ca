import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KubernetesObject, renderKustomization } from '../support/render.js';
import { SMALL } from './support/environments.js';
import { apply, ask, clusterAbsent, getJson, isFull, kubectl, rounded, until } from './support/kubectl.js';
import { untilRolledOut } from './support/rollouts.js';

const NAMESPACE = 'registry';
const WHERE = `--namespace=${NAMESPACE}`;
const TRAINING_IMAGE = process.env['TRAINING_IMAGE'];
const CHAMPION = 'models:/digits@champion';

/** The base with a registry, its database and the S3 server of a laptop. It serves the champion, once there is one. */
function manifests(): readonly KubernetesObject[] {
  const env = [
    { name: 'MODEL_URI', value: CHAMPION },
    { name: 'MLFLOW_TRACKING_URI', value: 'http://cv-inference-mlflow' },
  ];
  return renderKustomization({
    namespace: NAMESPACE,
    resources: ['base'],
    components: ['s3-local', 'network-policy', 'mlflow', 'mlflow/database']
      .map((name) => `components/${name}`)
      .concat('release'),
    patches: [
      {
        target: { kind: 'Deployment', name: 'cv-inference' },
        patch: JSON.stringify([
          { op: 'add', path: '/spec/replicas', value: 0 },
          { op: 'add', path: '/spec/template/spec/containers/0/env', value: env },
          { op: 'replace', path: '/spec/template/spec/containers/0/resources', value: SMALL },
        ]),
      },
    ],
  }).objects;
}

/** What the component's README has a person make, with the keys that the S3 server has made for itself. */
async function makeSecret(): Promise<void> {
  const { data } = await getJson<{ data: Record<string, string> }>(WHERE, 'secret', 'cv-inference-secrets');
  await apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'cv-inference-mlflow', namespace: NAMESPACE },
    data,
    stringData: {
      PGPASSWORD: crypto.randomUUID(),
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_S3: 'http://s3-local:7070',
    },
  });
}

/** Runs stages in a pod, as a training in the cluster does. @returns its log */
async function train(name: string, ...stages: readonly string[]): Promise<string> {
  await apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: NAMESPACE,
      // The network policy lets it pass.
      labels: { 'app.kubernetes.io/name': 'cv-inference-training' },
    },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'training',
          image: TRAINING_IMAGE,
          args: [...stages, '--work', '/tmp/loop'],
          env: [{ name: 'MLFLOW_TRACKING_URI', value: 'http://cv-inference-mlflow' }],
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
        },
      ],
      volumes: [{ name: 'tmp', emptyDir: {} }],
    },
  });
  const phase = (): Promise<string | undefined> =>
    ask(WHERE, 'get', 'pod', name, '--output=jsonpath={.status.phase}');
  await until({ withinS: 300, what: `${name} has ended` }, async () =>
    ['Succeeded', 'Failed'].includes((await phase()) ?? ''),
  );
  return kubectl(WHERE, 'logs', name);
}

async function untilUp(): Promise<void> {
  await untilRolledOut(NAMESPACE, 'statefulset/cv-inference-mlflow-database');
  await untilRolledOut(NAMESPACE, 'deployment/cv-inference-mlflow');
}

/** Asks the Service, from a pod of the service. */
async function isServed(): Promise<void> {
  const script = `
    const body = require('fs').readFileSync('service/models/digits/golden/7-blocks.png');
    const json = async (path, request) => (await fetch('http://cv-inference' + path, request)).json();
    Promise.all([json('/model'), json('/predict', { method: 'POST', headers: { 'content-type': 'image/png' }, body })])
      .then((answers) => console.log(JSON.stringify(answers)));`;
  const text = await kubectl(WHERE, 'exec', 'deployment/cv-inference', '--', 'node', '--eval', script);
  const manifest = readFileSync(
    join(import.meta.dirname, '../../../service/models/digits/model.json'),
    'utf8',
  );
  const { sha256 } = JSON.parse(manifest) as { sha256: string };
  expect(text).toContain(`"digest":"sha256:${sha256}"`);
  expect(text).toContain('"label":"7"');
}

describe.skipIf(clusterAbsent() ?? !(isFull && TRAINING_IMAGE))('the component mlflow', () => {
  beforeAll(async () => {
    const objects = manifests();
    await apply(...objects.filter(({ kind }) => kind === 'Namespace'));
    await apply(...objects.filter(({ kind }) => kind !== 'Namespace'));
    await kubectl(WHERE, 'wait', '--for=condition=Complete', 'job/s3-local-upload', '--timeout=300s');
  });
  afterAll(() => kubectl('delete', 'namespace', NAMESPACE, '--wait=false'));

  it('comes up on its own PostgreSQL, once it has its Secret', async ({ annotate }) => {
    await makeSecret();
    const startedAt = performance.now();
    await untilUp();
    await annotate(rounded((performance.now() - startedAt) / 1000));
  });

  it('takes the first champion from a pod that trains', async () => {
    expect(await train('adopt', 'adopt')).toContain('digits version 1 is the champion');
    expect(await train('adopt-again', 'adopt')).toContain('refused: digits has a champion already');
  });

  it('is where the service takes it from', async ({ annotate }) => {
    const startedAt = performance.now();
    await kubectl(WHERE, 'scale', 'deployment/cv-inference', '--replicas=2');
    await untilRolledOut(NAMESPACE, 'deployment/cv-inference');
    await annotate(rounded((performance.now() - startedAt) / 1000));
    await isServed();
  });

  it('has it still where its pods are made anew', async () => {
    await kubectl(
      WHERE,
      'delete',
      'pod',
      '--selector=app.kubernetes.io/name in (cv-inference-mlflow, cv-inference-mlflow-database, s3-local)',
    );
    await untilRolledOut(NAMESPACE, 'statefulset/s3-local');
    await untilUp();
    await kubectl(WHERE, 'rollout', 'restart', 'deployment/cv-inference');
    await untilRolledOut(NAMESPACE, 'deployment/cv-inference');
    await isServed();
  });
});
