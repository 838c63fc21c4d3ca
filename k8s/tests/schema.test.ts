import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { APPLY, review, toStream } from './support/admission.js';
import { type ApiServer, startApiServer } from './support/api-server.js';
import {
  instantiate,
  isApplication,
  isApplicationSet,
  renderApplication,
  renderEverything,
  renderInstallation,
} from './support/argocd.js';
import { listCombinations } from './support/combinations.js';
import { installDefinitions } from './support/definitions.js';
import { type KubernetesObject, render } from './support/render.js';
import { sourcesAbsent } from './support/sources.js';
import { absent } from './support/tools.js';

const TIMEOUT_MS = 240_000;
const NAMESPACE = 'schema-check';

function restrictedNamespace(name: string): KubernetesObject {
  const levels = ['enforce', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted']);
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: Object.fromEntries(levels) } };
}

/** A manifest with one thing wrong, in the namespace of these checks. */
function fixture(yaml: string): KubernetesObject {
  const manifest = parseAllDocuments(yaml)[0]?.toJS() as KubernetesObject;
  return { ...manifest, metadata: { ...manifest.metadata, name: 'broken', namespace: NAMESPACE } };
}

/** A Deployment or Rollout that the restricted policy takes, but for what is added to its container and its pod. */
function workload(
  apiVersion: string,
  kind: string,
  container: string,
  pod = 'securityContext: { runAsNonRoot: true, seccompProfile: { type: RuntimeDefault } }',
) {
  return fixture(`
    apiVersion: ${apiVersion}
    kind: ${kind}
    spec:
      selector: { matchLabels: { app: broken } }
      template:
        metadata: { labels: { app: broken } }
        spec:
          ${pod}
          containers:
            - name: broken
              image: broken:1
              ${container}`);
}

const SAFE = 'securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }';

const BROKEN: readonly { what: string; manifest: KubernetesObject; complaint: RegExp }[] = [
  {
    what: 'a misspelled field of a Deployment',
    manifest: workload('apps/v1', 'Deployment', `${SAFE}\n              imagePulPolicy: Always`),
    complaint: /imagePulPolicy/,
  },
  {
    what: 'a misspelled field in the pod of a Rollout',
    manifest: workload('argoproj.io/v1alpha1', 'Rollout', `${SAFE}\n              imagePulPolicy: Always`),
    complaint: /imagePulPolicy/,
  },
  {
    what: 'a privileged pod',
    manifest: workload('apps/v1', 'Deployment', 'securityContext: { privileged: true }'),
    complaint: /violates PodSecurity "restricted/,
  },
  {
    what: 'a pod whose service account does not exist',
    manifest: workload('apps/v1', 'Deployment', SAFE, 'serviceAccountName: nobody'),
    complaint: /serviceaccount "nobody" not found/,
  },
  {
    what: 'an autoscaler with more replicas at least than at most',
    manifest: fixture(`
      apiVersion: autoscaling/v2
      kind: HorizontalPodAutoscaler
      spec:
        minReplicas: 5
        maxReplicas: 2
        scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: broken }`),
    complaint: /maxReplicas/,
  },
  {
    what: 'a misspelled field of a ServiceMonitor',
    manifest: fixture(`
      apiVersion: monitoring.coreos.com/v1
      kind: ServiceMonitor
      spec: { selector: {}, endpoints: [{ port: http, intervall: 15s }] }`),
    complaint: /intervall/,
  },
  {
    what: 'a rule of the definition that spans fields (CEL): a path that does not begin with a slash',
    manifest: fixture(`
      apiVersion: gateway.networking.k8s.io/v1
      kind: HTTPRoute
      spec: { rules: [{ matches: [{ path: { type: Exact, value: predict } }] }] }`),
    complaint: /must be an absolute path/,
  },
  {
    what: 'an unknown field of an Application',
    manifest: fixture(`
      apiVersion: argoproj.io/v1alpha1
      kind: Application
      spec:
        project: none
        destination: { server: https://kubernetes.default.svc }
        source: { repoURL: https://example.com, path: ., targetRevison: main }`),
    complaint: /targetRevison/,
  },
  {
    what: 'a deprecated API',
    manifest: fixture('{ apiVersion: v1, kind: Endpoints }'),
    complaint: /deprecated/,
  },
];

describe.skipIf(absent('kustomize', 'kubectl', 'kube-apiserver', 'etcd') || sourcesAbsent())(
  'a real API server',
  { timeout: TIMEOUT_MS },
  () => {
    let server: ApiServer;

    beforeAll(async () => {
      server = await startApiServer();
      await installDefinitions(server);
    }, TIMEOUT_MS);
    afterAll(() => server?.close());

    it('refuses what is wrong', async () => {
      const sound = workload('apps/v1', 'Deployment', SAFE);
      expect(await review(server, [restrictedNamespace(NAMESPACE), sound])).toEqual([]);
      for (const { what, manifest, complaint } of BROKEN) {
        expect((await review(server, [manifest])).join('\n'), what).toMatch(complaint);
      }
    });

    describe('takes, strictly and without a warning, every object of', () => {
      const seen = new Set<string>();

      beforeAll(async () => {
        // Where the combinations are rendered to. By another manager, so that their own apply takes no label away.
        const { stderr } = await server.kubectl(
          ['create', '-f', '-'],
          toStream([restrictedNamespace('test')]),
        );
        expect(stderr).toBe('');
      });

      it.each(listCombinations())('$name', async (combination) => {
        const unseen = combination.render().objects.filter((object) => !seen.has(JSON.stringify(object)));
        expect(await review(server, unseen)).toEqual([]);
        for (const object of unseen) seen.add(JSON.stringify(object));
      });

      it('argocd/, and what it makes of a pull request', async () => {
        const manifests = await renderEverything();
        expect(await review(server, [restrictedNamespace('argocd'), ...manifests])).toEqual([]);
        const root = manifests
          .filter(isApplication)
          .find(({ metadata }) => metadata.name === 'cv-inference-root');
        for (const { spec } of manifests.filter(isApplicationSet).flatMap(instantiate)) {
          const objects = await renderApplication(spec, root?.spec.source.repoURL ?? '');
          expect(await review(server, objects)).toEqual([]);
        }
      });

      it('argocd/eks, on a cluster with Karpenter', async () => {
        const applications = (await renderEverything()).filter(isApplication);
        const eks = applications.find(({ metadata }) => metadata.name === 'eks');
        const objects = eks === undefined ? [] : await renderApplication(eks.spec, eks.spec.source.repoURL);
        expect(objects.map(({ kind }) => kind)).toContain('NodePool');
        expect(await review(server, objects)).toEqual([]);
      });

      it('argocd/install', async () => {
        expect(await review(server, await renderInstallation())).toEqual([]);
      });
    });

    describe('with the production overlay applied as Argo CD does', () => {
      let manifests: readonly KubernetesObject[] = [];
      let workloadName = '';

      const apply = async (objects: readonly KubernetesObject[]) => {
        const { code, stderr } = await server.kubectl([...APPLY, '-f', '-'], toStream(objects));
        expect(code, stderr).toBe(0);
      };
      const get = async (path: string, ...what: string[]) => {
        const { stdout } = await server.kubectl([
          'get',
          '-n',
          'cv-inference',
          ...what,
          '-o',
          `jsonpath=${path}`,
        ]);
        return stdout;
      };
      const versions = async () => {
        const path = '{range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{"\\n"}{end}';
        const { stdout } = await server.kubectl(
          ['get', '-f', '-', '-o', `jsonpath=${path}`],
          toStream(manifests),
        );
        return stdout.trim().split('\n');
      };
      const patch = async (manager: string, body: unknown, ...flags: string[]) => {
        const by = [
          'patch',
          workloadName,
          '-n',
          'cv-inference',
          `--field-manager=${manager}`,
          '--type=merge',
        ];
        const { code, stderr } = await server.kubectl([...by, ...flags, '-p', JSON.stringify(body)]);
        expect(code, stderr).toBe(0);
      };
      const scale = (replicas: number) =>
        patch('kube-controller-manager', { spec: { replicas } }, '--subresource=scale');
      const diff = () => server.kubectl(['diff', ...APPLY.slice(1), '-f', '-'], toStream(manifests));

      beforeAll(async () => {
        manifests = render('overlays/production').objects;
        const found = manifests.find(({ kind }) => kind === 'Deployment' || kind === 'Rollout');
        workloadName = `${found?.kind.toLowerCase()}/${found?.metadata.name}`;
        await apply(manifests);
        // Stores the defaults that the definition of Gateway has in its status, once; NGINX Gateway Fabric writes it anyway.
        await apply(manifests);
        // What the Rollouts controller does first: without replicas a Rollout cannot be scaled.
        if (found?.kind === 'Rollout') await patch('rollouts-controller', { spec: { replicas: 1 } });
      });

      it('changes nothing when it is applied again', async () => {
        const before = await versions();
        expect(before).toHaveLength(manifests.length);
        await apply(manifests);
        expect(await versions()).toEqual(before);
        expect(await diff()).toMatchObject({ code: 0, stdout: '' });
      });

      it('leaves the replicas to the autoscaler', async () => {
        await scale(4);
        expect(await diff()).toMatchObject({ code: 0, stdout: '' });
        await apply(manifests);
        expect(await get('{.spec.replicas}', workloadName)).toBe('4');
      });

      it('lets the autoscaler scale on after a sync that copies the live replicas, as RespectIgnoreDifferences does', async () => {
        await scale(3);
        const copied = manifests.map((manifest) =>
          manifest.kind === 'Deployment' || manifest.kind === 'Rollout'
            ? { ...manifest, spec: { ...(manifest as { spec?: object }).spec, replicas: 3 } }
            : manifest,
        );
        await apply(copied);
        await scale(5);
        await apply(manifests);
        expect(await get('{.spec.replicas}', workloadName)).toBe('5');
      });

      it('shows a field that was changed by hand as drift, and brings it back', async () => {
        const path = '{.spec.minReadySeconds}';
        const intended = await get(path, workloadName);
        await patch('kubectl-edit', { spec: { minReadySeconds: 99 } });
        const drift = await diff();
        expect(drift).toMatchObject({ code: 1 });
        expect(drift.stdout).toContain('-  minReadySeconds: 99');
        await apply(manifests);
        expect(await get(path, workloadName)).toBe(intended);
      });
    });
  },
);
