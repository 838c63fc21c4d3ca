import { spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { requiredTool } from './tools.js';

export const K8S = join(import.meta.dirname, '../..');

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export interface Rendered {
  readonly objects: readonly KubernetesObject[];
  /** What kustomize said besides: empty, or something is wrong. */
  readonly warnings: string;
}

/** A kustomization that is written for a test. Paths are those of k8s/. */
export interface Kustomization {
  readonly namespace?: string;
  readonly namePrefix?: string;
  readonly resources: readonly string[];
  readonly components?: readonly string[];
  readonly patches?: readonly unknown[];
}

const rendered = new Map<string, Rendered>();

/** Renders a folder, given from k8s/, such as `overlays/local`. Throws what kustomize says when it cannot. */
export function render(folder: string): Rendered {
  const known = rendered.get(folder) ?? parse(build(join(K8S, folder)));
  rendered.set(folder, known);
  return known;
}

/** Renders a kustomization that lies in no folder, beside the object of its namespace. */
export function renderKustomization(kustomization: Kustomization): Rendered {
  return parse(buildKustomization(kustomization));
}

/** As renderKustomization, without reading what comes out. */
export function buildKustomization(kustomization: Kustomization): Built {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'kustomization-'));
  // Kustomize takes no absolute paths.
  const fromHere = (path: string): string => relative(folder, join(K8S, path));
  const { namespace = 'test', resources, components = [] } = kustomization;
  const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  try {
    writeFileSync(join(folder, 'namespace.yaml'), stringify(object));
    writeFileSync(
      join(folder, 'kustomization.yaml'),
      stringify({
        ...kustomization,
        namespace,
        resources: ['namespace.yaml', ...resources.map(fromHere)],
        components: components.map(fromHere),
      }),
    );
    return build(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface Built {
  readonly yaml: string;
  readonly warnings: string;
}

function build(folder: string): Built {
  const { status, stdout, stderr, error } = spawnSync(requiredTool('kustomize'), ['build', folder], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: 60_000,
  });
  if (status !== 0) throw new Error(`kustomize build ${folder}: ${error?.message ?? stderr}`);
  return { yaml: stdout, warnings: stderr };
}

function parse({ yaml, warnings }: Built): Rendered {
  const objects = parseAllDocuments(yaml).map((document) => document.toJS() as KubernetesObject);
  return { objects, warnings };
}
