import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kustomizationOf } from '../support/combinations.js';
import { isAllowed, type NetworkPolicy } from '../support/network-policy.js';
import { environmentOf, serviceContainer, servicePods, valuesAt } from '../support/pods.js';
import { K8S, renderKustomization } from '../support/render.js';
import { absent } from '../support/tools.js';

const INFRASTRUCTURE = join(K8S, '../infrastructure');
const PUBLIC = [
  'Exact /model',
  'Exact /openapi.json',
  'Exact /predict',
  'Exact /predict/batch',
  'Prefix /docs',
];
const read = (file: string): string => readFileSync(join(INFRASTRUCTURE, file), 'utf8');

describe.skipIf(absent('kustomize'))('the load balancer of component alb', () => {
  const { objects } = absent('kustomize')
    ? { objects: [] }
    : renderKustomization(kustomizationOf(['network-policy', 'alb']));
  const ingress = objects.find(({ kind }) => kind === 'Ingress');
  const annotation = (name: string): string | undefined =>
    ingress?.metadata.annotations?.[`alb.ingress.kubernetes.io/${name}`];

  it('leads to exactly the public paths of the service, of one host', () => {
    const paths = valuesAt(ingress, 'spec.rules[].http.paths[]') as { path: string; pathType: string }[];
    expect(paths.map(({ path, pathType }) => `${pathType} ${path}`).sort()).toEqual(PUBLIC);
    expect(new Set(valuesAt(ingress, 'spec.rules[].http.paths[].backend.service.name'))).toEqual(
      new Set(['cv-inference']),
    );
    const service = objects.find(({ kind }) => kind === 'Service');
    const ports = valuesAt(ingress, 'spec.rules[].http.paths[].backend.service.port.name');
    expect([...new Set(ports)]).toEqual(valuesAt(service, 'spec.ports[].name'));
    expect(valuesAt(ingress, 'spec.rules[].host')).toEqual(['cv-inference.example.com']);
    expect(valuesAt(ingress, 'spec.defaultBackend')).toEqual([]);
  });

  it('serves HTTPS alone, and leads plain HTTP there', () => {
    expect(JSON.parse(annotation('listen-ports') ?? '')).toEqual([{ HTTP: 80 }, { HTTPS: 443 }]);
    expect(annotation('ssl-redirect')).toBe('443');
    expect(annotation('ssl-policy')).toMatch(/^ELBSecurityPolicy-TLS13-1-2-/);
  });

  it('is in the security group that Terraform makes for production, which its controller leaves alone', () => {
    expect(read('modules/eks/load-balancer.tf')).toMatch(/name += "\$\{var\.name\}-load-balancer"/);
    expect(annotation('security-groups')).toBe('cv-inference-production-load-balancer');
    expect(annotation('manage-backend-security-group-rules')).toBe('false');
  });

  it('reaches the service from the public subnets of production, and nobody else in the network does', () => {
    const [, beginning = ''] =
      /cidr += "(10\.\d+)\.0\.0\/16"/.exec(read('environments/production/main.tf')) ?? [];
    expect(read('modules/network/main.tf')).toContain('cidrsubnet(var.cidr, 8, 240 + index)');
    const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy') as unknown as NetworkPolicy[];
    const to = {
      namespace: 'test',
      labels: { 'app.kubernetes.io/name': 'cv-inference' },
      ports: { http: 8080 },
    };
    const reached = (port: number) => (address: string) =>
      isAllowed(policies, { from: { address }, to, port });
    const balancers = [240, 241, 242].map((third) => `${beginning}.${third}.9`);
    expect(balancers.map(reached(8080))).toEqual([true, true, true]);
    expect([...balancers.map(reached(9229)), reached(8080)(`${beginning}.0.9`)]).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it('is the one proxy that the service trusts, and decides when a pod is ready', () => {
    const [pod] = servicePods(objects);
    expect(pod && environmentOf(objects, serviceContainer(pod))['TRUST_PROXY_HOPS']).toBe('1');
    const labels = objects.find(({ kind }) => kind === 'Namespace')?.metadata.labels;
    expect(labels?.['elbv2.k8s.aws/pod-readiness-gate-inject']).toBe('enabled');
  });
});
