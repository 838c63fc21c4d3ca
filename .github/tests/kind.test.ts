import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { callsOf, fakeTool } from './support/fake-tools.js';
import { emptyFolder } from './support/folder.js';
import { ROOT, run, SCRIPTS } from './support/run.js';

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const constant = (name: string): string =>
  new RegExp(`^readonly ${name}=(.*)$`, 'm').exec(read('loadtest/cluster/cluster.sh'))?.[1] ?? '';

describe('kind-cluster.yaml', () => {
  const { nodes } = parse(read('loadtest/kind-cluster.yaml'));

  it('has the Kubernetes that workflows install, pinned, on every node', () => {
    const images = new Set<string>(nodes.map(({ image }: { image: string }) => image));
    expect(images.size).toBe(1);
    const [, version] = /^kindest\/node:(v[\d.]+)@sha256:[0-9a-f]{64}$/.exec([...images][0] ?? '') ?? [];
    for (const name of ['pr-loadtest', 'gitops-demo']) {
      expect(read(`.github/workflows/${name}.yml`)).toContain(`kubectl_version: ${version}\n`);
    }
  });

  it('maps the port and knows the namespace of the overlay local', () => {
    const [service] = parseAllDocuments(read('k8s/overlays/local/node-port.yaml')).map((one) => one.toJS());
    const [{ nodePort }] = service.spec.ports;
    expect(constant('NODE_PORT')).toBe(String(nodePort));
    const [{ extraPortMappings }] = nodes;
    expect(extraPortMappings).toEqual([
      { containerPort: nodePort, hostPort: nodePort, listenAddress: '127.0.0.1' },
    ]);
    expect(parse(read('k8s/overlays/local/kustomization.yaml')).namespace).toBe(constant('NAMESPACE'));
  });

  it('trusts kubelets as argocd/kind does', () => {
    const [{ patch }] = parse(read('argocd/kind/kustomization.yaml')).patches;
    const [{ value }] = parse(patch);
    const [, script = ''] = /patch: \|-\n([\s\S]*?)\nEND/.exec(read('loadtest/cluster/create.sh')) ?? [];
    expect(parse(script)).toEqual(parse(value.patches[0].patch));
  });
});

describe('kind-images', () => {
  it('builds and loads what the overlays take without a GPU, as k8s/release names it', () => {
    const bin = emptyFolder();
    fakeTool(bin, 'docker', [{ call: /^docker build/ }]);
    fakeTool(bin, 'kind', [{ call: /^kind load docker-image/ }]);
    expect(run(join(SCRIPTS, 'kind-images'), [], { bin }).code).toBe(0);
    const { images } = parse(read('k8s/release/kustomization.yaml')) as {
      readonly images: readonly { name: string; newName: string; newTag: string }[];
    };
    const taken = images.filter(({ name }) => !name.endsWith('-cuda'));
    expect(taken).toHaveLength(2);
    const calls = callsOf(bin);
    const built = calls.slice(0, -1).join(' ').split(' ');
    for (const image of [
      'cv-inference:local',
      ...taken.map(({ newName, newTag }) => `${newName}:${newTag}`),
    ]) {
      expect(built).toContain(image);
      expect(calls.at(-1)?.split(' ')).toContain(image);
    }
  });
});
