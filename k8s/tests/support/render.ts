import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
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

/** A line of a list that is written as a comment, to be turned on. */
export const LINE_THAT_IS_OFF = /^ {2}# - /m;

const rendered = new Map<string, Rendered>();

/** Renders a folder, given from k8s/, such as `overlays/local`. Throws what kustomize says when it cannot. */
export function render(folder: string): Rendered {
  const known = rendered.get(folder) ?? parse(build(join(K8S, folder)));
  rendered.set(folder, known);
  return known;
}

/** As render, with every line of its kustomization turned on that is off. */
export function renderWithAllOn(folder: string): Rendered {
  const known = rendered.get(`${folder}, on`);
  if (known !== undefined) return known;
  const copy = mkdtempSync(join(realpathSync(tmpdir()), 'kustomization-'));
  try {
    cpSync(K8S, copy, { recursive: true, filter: (path) => path !== join(K8S, 'tests') });
    const file = join(copy, folder, 'kustomization.yaml');
    const lines = readFileSync(file, 'utf8').split('\n');
    writeFileSync(file, lines.map((line) => line.replace(LINE_THAT_IS_OFF, '  - ')).join('\n'));
    const on = parse(build(join(copy, folder)));
    rendered.set(`${folder}, on`, on);
    return on;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
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
