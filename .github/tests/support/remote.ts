import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emptyFolder } from './folder.js';
import { DIST, ROOT, run } from './run.js';

export const IDENTITY = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.com',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.com',
  GIT_CONFIG_GLOBAL: '/dev/null',
};
export const RELEASE = 'k8s/release/kustomization.yaml';
export const MODEL = 'k8s/release/model.env';
export const ENVIRONMENTS = 'argocd/environments.yaml';
export const IMAGE = 'ghcr.io/acme/vision';

export function git(cwd: string, ...args: readonly string[]): string {
  const { code, stdout, stderr } = run('git', args, { cwd, env: IDENTITY });
  if (code !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

export const digestOf = (version: string): string =>
  `sha256:${version.replaceAll(/\D/g, '').padStart(64, '1')}`;

const releaseText = (version: string): string => `apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
${['cv-inference', 'cv-inference-cuda', 'cv-inference-dashboard']
  .map((name) => [name, version + name.slice('cv-inference'.length)] as const)
  .map(
    ([name, tag]) => `- digest: ${digestOf(tag)}\n  name: ${name}\n  newName: ${IMAGE}\n  newTag: ${tag}\n`,
  )
  .join('')}configMapGenerator:
- behavior: merge
  envs:
  - model.env
  name: cv-inference-config
`;

let template: string | undefined;

/** Made once, and copied. */
function templatePath(): string {
  if (template !== undefined) return template;
  const folder = mkdtempSync(join(tmpdir(), 'cv-remote-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  template = join(folder, 'origin.git');
  const first = join(folder, 'clone');
  git(folder, 'init', '--quiet', '--bare', '--initial-branch=main', template);
  git(folder, 'clone', '--quiet', template, first);
  for (const overlay of ['staging', 'production']) {
    write(first, `k8s/overlays/${overlay}/kustomization.yaml`, overlayText(overlay));
  }
  write(first, 'k8s/base/kustomization.yaml', BASE);
  write(first, 'k8s/base/deployment.yaml', DEPLOYMENT);
  write(first, MODEL, '# No model has been staged.\n');
  release(first, '0.1.0');
  write(first, ENVIRONMENTS, environmentsText);
  write(first, 'argocd/kustomization.yaml', 'resources: [environments.yaml]\n');
  git(first, 'add', '.');
  git(first, 'commit', '--quiet', '-m', 'Begin');
  git(first, 'push', '--quiet', 'origin', 'HEAD:main');
  return template;
}

/** A bare repository as this one is: staging and production follow main, which runs 0.1.0. */
export class Remote {
  readonly path = join(emptyFolder(), 'origin.git');

  constructor() {
    cpSync(templatePath(), this.path, { recursive: true });
  }

  clone(): string {
    const folder = join(emptyFolder(), 'clone');
    git(ROOT, 'clone', '--quiet', this.path, folder);
    return folder;
  }

  /** @returns its hash */
  commit(clone: string, subject: string): string {
    git(clone, 'add', '.');
    git(clone, 'commit', '--quiet', '-m', subject);
    return git(clone, 'rev-parse', 'HEAD');
  }

  /** Commits what was changed and pushes it. @returns its hash */
  push(clone: string, subject: string): string {
    const hash = this.commit(clone, subject);
    git(clone, 'push', '--quiet', 'origin', 'HEAD:main');
    return hash;
  }

  show(file: string, at = 'main'): string {
    return run('git', ['show', `${at}:${file}`], { cwd: this.path }).stdout;
  }

  subjects(branch = 'main'): string[] {
    return git(this.path, 'log', '--format=%s', branch).split('\n');
  }
}

export function write(clone: string, file: string, text: string, mode = 0o644): void {
  mkdirSync(join(clone, file, '..'), { recursive: true });
  writeFileSync(join(clone, file), text, { mode });
}

/** Writes a version into k8s/release of a clone. */
export function release(clone: string, version: string): void {
  write(clone, RELEASE, releaseText(version));
}

const BASE = `resources: [deployment.yaml]
configMapGenerator: [{ name: cv-inference-config, literals: [LOG_LEVEL=info] }]
`;
const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata: { name: cv-inference }
spec:
  template:
    spec:
      containers:
        - name: cv-inference
          image: cv-inference
          envFrom: [{ configMapRef: { name: cv-inference-config } }]
`;
export const environmentsText = `# Where what runs.
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: { name: environments }
spec:
  generators:
    - list:
        elements:
          - { name: staging, namespace: cv-inference-staging, revision: main }
          - { name: production, namespace: cv-inference, revision: main } # promoted
          # - { name: production-gpu, namespace: cv-inference-gpu, revision: main }
`;
const overlayText = (overlay: string): string => `namespace: ${overlay}
resources: [../../base]
components: [../../release]
`;

/** Writes a revision of an environment into a clone. */
export function setRevision(clone: string, environment: string, revision: string): void {
  const command = [join(DIST, 'environments.js'), 'set', environment, revision];
  const { code, stderr } = run('node', command, { cwd: clone });
  if (code !== 0) throw new Error(stderr);
}
