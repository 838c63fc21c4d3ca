import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Children } from './children.js';
import { PACKAGE_ROOT } from './package-root.js';

/** As much of this repository as a promotion reads and writes. */
const CONTENT = ['package.json', 'k8s/release', 'argocd/environments.yaml', '.github/scripts'];
const BUILT = 'dist/.github/scripts';
const ENVIRONMENT = 'production';
const IDENTITY = {
  GIT_AUTHOR_NAME: 'loop',
  GIT_AUTHOR_EMAIL: 'loop@localhost',
  GIT_COMMITTER_NAME: 'loop',
  GIT_COMMITTER_EMAIL: 'loop@localhost',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
};

export interface Release {
  readonly MODEL_URI: string;
  readonly MODEL_SHA256: string;
}

/** A bare Git repository in the place of the GitOps repository, and a clone that the scripts of .github work in. */
export class Repository {
  readonly #children: Children;
  readonly #clone: string;
  readonly #scratch: string;
  #runs = 0;

  private constructor(children: Children, folder: string) {
    this.#children = children;
    this.#clone = join(folder, 'clone');
    this.#scratch = folder;
  }

  static async create(children: Children, folder: string): Promise<Repository> {
    const repository = new Repository(children, folder);
    const clone = join(folder, 'clone');
    const origin = join(folder, 'gitops.git');
    mkdirSync(clone);
    for (const path of CONTENT) cpSync(join(PACKAGE_ROOT, path), join(clone, path), { recursive: true });
    await repository.#git('init', '--quiet', '--bare', '--initial-branch=main', origin);
    await repository.#git('init', '--quiet', '--initial-branch=main');
    await repository.#git('remote', 'add', 'origin', origin);
    await repository.#git('add', '.');
    await repository.#git('commit', '--quiet', '-m', 'Before the loop');
    await repository.#git('push', '--quiet', 'origin', 'main');
    await repository.#git('fetch', '--quiet', 'origin');
    // Beside what Git has: what the scripts run. Copied, as a program that is a link does not know itself.
    cpSync(join(PACKAGE_ROOT, BUILT), join(clone, BUILT), { recursive: true });
    symlinkSync(join(PACKAGE_ROOT, 'node_modules'), join(clone, 'node_modules'));
    return repository;
  }

  /** Staging gets the model: a commit to main, by .github/scripts/stage. */
  async stage(release: Release): Promise<void> {
    await this.#script('.github/scripts/stage', [], { ...release, DELIVERY: 'commit' });
  }

  /** Production gets what main names: a commit, by .github/scripts/promote. */
  async promote(): Promise<void> {
    const checked = join(this.#scratch, 'checked');
    mkdirSync(checked);
    writeFileSync(join(checked, 'revision'), await this.#head());
    writeFileSync(join(checked, 'details.md'), '');
    await this.#script('.github/scripts/promote', [checked], { ENVIRONMENT, DELIVERY: 'commit' });
  }

  /** The model that production is to run. */
  async released(): Promise<Release> {
    await this.#git('fetch', '--quiet', 'origin');
    const environments = 'dist/.github/scripts/environments.js';
    const revision = await this.#run('node', [environments, 'revision', ENVIRONMENT, 'origin/main']);
    const said = await this.#run('node', [environments, 'release', revision.trim()]);
    const field = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(said)?.[1] ?? '';
    return { MODEL_URI: field('model_uri'), MODEL_SHA256: field('model_sha256') };
  }

  /** Subjects of the commits since the first, the oldest first. */
  async commits(): Promise<string[]> {
    await this.#git('fetch', '--quiet', 'origin');
    const [, ...subjects] = (await this.#git('log', '--reverse', '--format=%s', 'origin/main'))
      .trim()
      .split('\n');
    return subjects;
  }

  async #head(): Promise<string> {
    await this.#git('fetch', '--quiet', 'origin');
    return (await this.#git('rev-parse', 'origin/main')).trim();
  }

  #git(...args: readonly string[]): Promise<string> {
    return this.#run('git', args);
  }

  async #script(script: string, args: readonly string[], environment: object): Promise<string> {
    return this.#run(join(this.#clone, script), args, environment);
  }

  #run(program: string, args: readonly string[], environment: object = {}): Promise<string> {
    this.#runs += 1;
    return this.#children.run({
      name: `git-${this.#runs}`,
      program,
      args,
      folder: this.#clone,
      environment: { ...IDENTITY, ...environment },
    });
  }
}
