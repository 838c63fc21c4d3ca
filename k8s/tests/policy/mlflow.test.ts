import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { isAllowed, type NetworkPolicy, type Peer } from '../support/network-policy.js';
import { containersOf, environmentOf, podsOf, valuesAt } from '../support/pods.js';
import { K8S, type KubernetesObject, type Kustomization, renderKustomization } from '../support/render.js';
import { absent } from '../support/tools.js';

const NAMESPACE = 'cv-inference';
const NAME = 'cv-inference-mlflow';
const README = readFileSync(join(K8S, 'components/mlflow/README.md'), 'utf8');

/** What the component's README says to write into an overlay. */
function exampleOf(text: string): Partial<Kustomization> {
  const [, example = ''] = /```yaml\n(.*?)```/s.exec(text) ?? [];
  return parse(example);
}

function objectsOf(parts: readonly string[], changes: Partial<Kustomization> = {}) {
  return renderKustomization({
    namespace: NAMESPACE,
    resources: ['base'],
    components: parts.map((name) => `components/${name}`),
    ...changes,
  }).objects;
}

function podOf(objects: readonly KubernetesObject[], name: string) {
  const pod = podsOf(objects).find(({ labels }) => labels['app.kubernetes.io/name'] === name);
  if (pod === undefined) throw new Error(`no pod of ${name}`);
  const [container] = containersOf(pod).slice(-1);
  if (container === undefined) throw new Error(`no container in ${name}`);
  return { pod, container };
}

describe.skipIf(absent('kustomize'))('mlflow', () => {
  const settingsOf = (objects: readonly KubernetesObject[]): Record<string, string> =>
    environmentOf(objects, podOf(objects, NAME).container);

  it('finds the database that is beside it, with the password of the Secret', () => {
    const objects = objectsOf(['mlflow', 'mlflow/database']);
    const { container } = podOf(objects, `${NAME}-database`);
    const { protocol, hostname, username, password, pathname } = new URL(
      settingsOf(objects)['MLFLOW_BACKEND_STORE_URI'] ?? '',
    );
    // The driver that the image has; by itself SQLAlchemy 2.1 takes another.
    expect(protocol).toBe('postgresql+psycopg2:');
    const service = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === hostname);
    expect(valuesAt(service, 'spec.selector')).toEqual([{ 'app.kubernetes.io/name': `${NAME}-database` }]);
    const user = container.env?.find(({ name }) => name === 'POSTGRES_USER')?.value;
    // The image calls the database as its user.
    expect([username, password, pathname]).toEqual([user, '', `/${user}`]);
    const given = container.env?.find(({ name }) => name === 'POSTGRES_PASSWORD')?.valueFrom?.secretKeyRef;
    expect(given).toEqual({ name: NAME, key: 'PGPASSWORD' });
    expect(README).toContain(`create secret generic ${NAME} --from-literal=${'PGPASSWORD'}=`);
  });

  it('takes the address of another database from the Secret alone', () => {
    const objects = objectsOf(['mlflow']);
    expect(settingsOf(objects)).not.toHaveProperty('MLFLOW_BACKEND_STORE_URI');
    expect(podsOf(objects).map(({ labels }) => labels['app.kubernetes.io/name'])).not.toContain(
      `${NAME}-database`,
    );
    const { container } = podOf(objects, NAME);
    expect(container.envFrom?.map(({ secretRef }) => secretRef?.name)).toContain(NAME);
  });

  it('reads the password that RDS changes from a file, at each connection, and nothing from another Secret', () => {
    const objects = objectsOf(['external-secrets', 'external-secrets/eks', 'mlflow', 'mlflow/rds']);
    const { pod } = podOf(objects, NAME);
    const external = objects.find(({ metadata }) => metadata.name === `${NAME}-database`);
    expect(external?.kind).toBe('ExternalSecret');
    const [[file, service] = []] = valuesAt(external, 'spec.target.template.data').flatMap((data) =>
      Object.entries(data as Record<string, string>),
    );
    expect(containersOf(pod)).toHaveLength(2);
    for (const container of containersOf(pod)) {
      const { PGSERVICEFILE, PGSERVICE, MLFLOW_BACKEND_STORE_URI = '' } = environmentOf(objects, container);
      const mount = container.volumeMounts?.find(({ name }) => name === 'database');
      expect(PGSERVICEFILE).toBe(`${mount?.mountPath}/${file}`);
      // A part of a volume would not follow the Secret.
      expect(mount).not.toHaveProperty('subPath');
      expect(service).toBe(`[${PGSERVICE}]\npassword={{ .password }}\n`);
      expect(new URL(MLFLOW_BACKEND_STORE_URI)).toMatchObject({
        username: 'mlflow',
        password: '',
        search: '?sslmode=require',
      });
      expect(container.envFrom?.flatMap(Object.keys)).toEqual(['configMapRef']);
    }
    const volume = pod.spec.volumes?.find(({ name }) => name === 'database');
    expect(volume?.secret?.secretName).toBe(external?.metadata.name);
    // The names that RDS gives: username and password.
    expect(valuesAt(external, 'spec.data[].remoteRef.property')).toEqual(['password']);
  });

  it('uses the bucket of s3-local where nothing else is said, and the one that its README writes', () => {
    const upload = readFileSync(join(K8S, 'components/s3-local/upload.yaml'), 'utf8');
    const { MLFLOW_ARTIFACTS_DESTINATION = '' } = settingsOf(objectsOf(['mlflow']));
    expect(upload).toContain(`s3://${new URL(MLFLOW_ARTIFACTS_DESTINATION).host}/`);
    expect(settingsOf(objectsOf(['mlflow'], exampleOf(README)))).toMatchObject({
      MLFLOW_ARTIFACTS_DESTINATION: 's3://your-bucket/mlflow',
    });
  });

  it('brings the schema up by the version that serves, and never runs beside another', () => {
    const { pod } = podOf(objectsOf(['mlflow']), NAME);
    expect(new Set(containersOf(pod).map(({ image }) => image)).size).toBe(1);
    expect(valuesAt(pod.owner, 'spec.strategy.type')).toEqual(['Recreate']);
    const pinned = readFileSync(join(K8S, '../training/requirements-mlflow.txt'), 'utf8');
    const [, version] = /^mlflow==(\S+)$/m.exec(pinned) ?? [];
    expect(containersOf(pod)[0]?.image).toBe(`ghcr.io/mlflow/mlflow:v${version}-full`);
  });

  it('is reached by the service and pods that train; it reaches its database and bucket; nothing else', () => {
    const objects = objectsOf(['s3-local', 'network-policy', 'mlflow', 'mlflow/database']);
    const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy') as unknown as NetworkPolicy[];
    const named = (name: string, namespace = NAMESPACE): Peer => ({
      namespace,
      labels: { 'app.kubernetes.io/name': name },
      ports: { http: 5000, postgres: 5432, s3: 7070 },
    });
    const reaches = (from: Peer, to: Peer, port: number): boolean => isAllowed(policies, { from, to, port });
    const [server, database] = [named(NAME), named(`${NAME}-database`)];
    const outside: Peer = { address: '52.216.1.2' };
    const allowed: readonly (readonly [Peer, Peer, number])[] = [
      [named('cv-inference'), server, 5000],
      [named('cv-inference-training'), server, 5000],
      [server, database, 5432],
      [server, { address: '10.20.30.40' }, 5432],
      [server, named('s3-local'), 7070],
      [server, outside, 443],
      [server, { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } }, 53],
    ];
    expect(allowed.map(([from, to, port]) => reaches(from, to, port))).toEqual(allowed.map(() => true));
    const refused: readonly (readonly [Peer, Peer, number])[] = [
      [named('cv-inference-training', 'default'), server, 5000],
      [named('grafana', 'monitoring'), server, 5000],
      [named('cv-inference'), database, 5432],
      [named('cv-inference-training'), database, 5432],
      [database, outside, 443],
      [server, { address: '10.96.0.1' }, 443],
      [server, { address: '169.254.169.254' }, 80],
      [server, named('cv-inference'), 8080],
    ];
    expect(refused.map(([from, to, port]) => reaches(from, to, port))).toEqual(refused.map(() => false));
  });
});
