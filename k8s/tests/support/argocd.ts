import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { parse, parseAllDocuments, stringify } from 'yaml';
import type { KubernetesObject } from './render.js';
import { listSources } from './sources.js';
import { requiredTool } from './tools.js';

const REPOSITORY_ROOT = join(import.meta.dirname, '../../..');
const runFile = promisify(execFile);

interface Kustomize {
  readonly namespace?: string;
  readonly images?: readonly string[];
  readonly patches?: readonly unknown[];
}

export interface ApplicationSpec {
  readonly project: string;
  readonly source: {
    readonly repoURL: string;
    readonly targetRevision: string;
    readonly path?: string;
    readonly chart?: string;
    readonly helm?: { readonly valuesObject: Readonly<Record<string, unknown>> };
    readonly kustomize?: Kustomize;
  };
  readonly destination: { readonly server: string; readonly namespace: string };
  readonly syncPolicy: {
    readonly automated: { readonly enabled: boolean; readonly prune: boolean; readonly selfHeal: boolean };
    readonly syncOptions: readonly string[];
    readonly retry: { readonly limit: number; readonly backoff: unknown };
  };
}

interface ArgoCdObject extends KubernetesObject {
  readonly metadata: KubernetesObject['metadata'] & { readonly finalizers?: readonly string[] };
}

export interface Application extends ArgoCdObject {
  readonly kind: 'Application';
  readonly spec: ApplicationSpec;
}

export interface ApplicationSet extends ArgoCdObject {
  readonly kind: 'ApplicationSet';
  readonly spec: {
    readonly goTemplate: boolean;
    readonly goTemplateOptions: readonly string[];
    readonly generators: readonly {
      readonly list?: { readonly elements: readonly Readonly<Record<string, string>>[] };
      readonly pullRequest?: {
        readonly requeueAfterSeconds: number;
        readonly github: {
          readonly owner: string;
          readonly repo: string;
          readonly labels: readonly string[];
        };
      };
    }[];
    readonly template: { readonly metadata: ArgoCdObject['metadata']; readonly spec: ApplicationSpec };
  };
}

interface GroupKind {
  readonly group: string;
  readonly kind: string;
  readonly name?: string;
}

export interface AppProject extends ArgoCdObject {
  readonly kind: 'AppProject';
  readonly spec: {
    readonly sourceRepos: readonly string[];
    readonly destinations: readonly { readonly server: string; readonly namespace: string }[];
    readonly clusterResourceWhitelist: readonly GroupKind[];
    readonly namespaceResourceWhitelist: readonly GroupKind[];
    readonly roles?: readonly { readonly name: string; readonly policies: readonly string[] }[];
    readonly orphanedResources?: { readonly warn: boolean };
  };
}

export function isApplication(object: KubernetesObject): object is Application {
  return object.kind === 'Application';
}

export function isApplicationSet(object: KubernetesObject): object is ApplicationSet {
  return object.kind === 'ApplicationSet';
}

export function isAppProject(object: KubernetesObject): object is AppProject {
  return object.kind === 'AppProject';
}

const PULL_REQUEST = { number: '7', head_sha: '0123456789abcdef', head_short_sha_7: '0123456' };

/** What an ApplicationSet makes of the elements of its list, or of pull request 7. */
export function instantiate({ spec: { generators, template } }: ApplicationSet): Application[] {
  const elements = generators.flatMap(({ list }) => list?.elements ?? [PULL_REQUEST]);
  return elements.map((values: Readonly<Record<string, string>>) => {
    const filled = JSON.stringify(template).replaceAll(/\{\{\.(\w+)\}\}/g, (_, name: string) => {
      const value = values[name];
      if (value === undefined) throw new Error(`the generator gives no ${name}`);
      return value;
    });
    return { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', ...JSON.parse(filled) } as Application;
  });
}

async function kustomize(folder: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await runFile(requiredTool('kustomize'), args, { cwd: folder, maxBuffer: 64 * 2 ** 20 });
  return stdout;
}

function parseObjects(text: string): KubernetesObject[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubernetesObject | null)
    .filter((object) => object !== null);
}

/** Runs `use` on a scratch copy of a folder, for edits as Argo CD makes them in its checkout. */
async function onCopy<T>(
  root: string,
  folders: readonly string[],
  use: (copy: string) => Promise<T>,
): Promise<T> {
  const copy = await mkdtemp(join(tmpdir(), 'cv-argocd-'));
  try {
    for (const folder of folders) {
      await cp(join(root, folder), join(copy, folder), {
        recursive: true,
        filter: (path) => !path.startsWith(join(REPOSITORY_ROOT, 'k8s/tests')),
      });
    }
    return await use(copy);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** What the root application creates. */
export async function renderRoot(): Promise<KubernetesObject[]> {
  return parseObjects(await kustomize(REPOSITORY_ROOT, 'build', 'argocd'));
}

/** What the root application creates with every line of its kustomization turned on that is off by default. */
export function renderEverything(edit = (rootYaml: string): string => rootYaml): Promise<KubernetesObject[]> {
  return onCopy(REPOSITORY_ROOT, ['argocd'], async (copy) => {
    for (const name of ['kustomization.yaml', 'environments.yaml']) {
      const file = join(copy, 'argocd', name);
      await writeFile(file, (await readFile(file, 'utf8')).replaceAll(/^( +)# - /gm, '$1- '));
    }
    const root = join(copy, 'argocd/root.yaml');
    await writeFile(root, edit(await readFile(root, 'utf8')));
    return parseObjects(await kustomize(copy, 'build', 'argocd'));
  });
}

async function editAsArgoCd(
  folder: string,
  { namespace, images = [], patches = [] }: Kustomize,
): Promise<void> {
  if (images.length > 0) await kustomize(folder, 'edit', 'set', 'image', ...images);
  if (namespace !== undefined) await kustomize(folder, 'edit', 'set', 'namespace', '--', namespace);
  if (patches.length === 0) return;
  const file = join(folder, 'kustomization.yaml');
  const content = parse(await readFile(file, 'utf8')) as { patches?: unknown[] };
  await writeFile(file, stringify({ ...content, patches: [...(content.patches ?? []), ...patches] }));
}

/** Where the manifests of a source lie on this machine. */
function findSource({ repoURL, targetRevision }: ApplicationSpec['source'], ownUrl: string) {
  if (repoURL === ownUrl) return { root: REPOSITORY_ROOT, folders: ['k8s', 'argocd'] };
  const name = basename(repoURL, '.git');
  const found = listSources().find((source) => source.name === name && source.version === targetRevision);
  if (found === undefined) throw new Error(`k8s/tests/tools/sources has no ${name} ${targetRevision}`);
  return { root: found.root, folders: [found.folder] };
}

/** The objects that Argo CD would make of an application, by the same edits and commands; not for Helm charts. */
export function renderApplication({ source }: ApplicationSpec, ownUrl: string): Promise<KubernetesObject[]> {
  const { root, folders } = findSource(source, ownUrl);
  return onCopy(root, folders, async (copy) => {
    const folder = join(copy, source.path ?? '');
    await editAsArgoCd(folder, source.kustomize ?? {});
    return parseObjects(await kustomize(copy, 'build', folder));
  });
}

/** Argo CD's own installation, from the release that argocd/install names. */
export function renderInstallation(): Promise<KubernetesObject[]> {
  return onCopy(REPOSITORY_ROOT, ['argocd/install'], async (copy) => {
    const file = join(copy, 'argocd/install/kustomization.yaml');
    const text = await readFile(file, 'utf8');
    const url =
      /https:\/\/raw\.githubusercontent\.com\/argoproj\/argo-cd\/(?<version>[^/]+)\/(?<path>\S+)/u.exec(text);
    const { version, path } = url?.groups ?? {};
    const found = listSources().find((source) => source.name === 'argo-cd' && source.version === version);
    if (url === null || found === undefined || path === undefined)
      throw new Error(`no source for ${url?.[0]}`);
    await cp(join(found.root, path), join(copy, 'argocd/install/release.yaml'));
    await writeFile(file, text.replace(url[0], 'release.yaml'));
    return parseObjects(await kustomize(copy, 'build', 'argocd/install'));
  });
}
