import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { tool } from '../../support/tools.js';
import { kubectl } from './kubectl.js';

const runFile = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../../..');
/** Where the Git server of the cluster has it; Argo CD reads from here. */
export const REPOSITORY_URL = 'git://git.git.svc/cv-inference/cv-inference';
const SERVED = '/srv/git/cv-inference/cv-inference';

/** A copy of this repository as it lies here, under another address: what a user of it has. */
export class Repository {
  private constructor(readonly folder: string) {}

  static async copy(): Promise<Repository> {
    const repository = new Repository(await mkdtemp(join(tmpdir(), 'cv-gitops-')));
    const { stdout } = await runFile(
      'git',
      ['ls-files', '-z', '--cached', '--others', '--exclude-standard', 'k8s', 'argocd'],
      { cwd: ROOT },
    );
    for (const file of stdout.split('\0').filter(Boolean)) await repository.take(file);
    await repository.git('init', '--quiet', '--initial-branch=main');
    return repository;
  }

  private async take(file: string): Promise<void> {
    await mkdir(dirname(join(this.folder, file)), { recursive: true });
    await cp(join(ROOT, file), join(this.folder, file)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }

  private async git(...args: readonly string[]): Promise<string> {
    const identity = [
      '-c',
      'user.name=check',
      '-c',
      'user.email=check@localhost',
      '-c',
      'commit.gpgsign=false',
    ];
    const { stdout } = await runFile('git', [...identity, ...args], { cwd: this.folder });
    return stdout.trim();
  }

  async edit(file: string, change: (text: string) => string): Promise<void> {
    const path = join(this.folder, file);
    const before = await readFile(path, 'utf8').catch(() => '');
    const after = change(before);
    if (after === before) throw new Error(`nothing was changed in ${file}`);
    await writeFile(path, after);
  }

  /** @returns the commit, which is not pushed yet */
  async commit(message: string): Promise<string> {
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--message', message);
    return this.head();
  }

  async commitAndPush(message: string): Promise<string> {
    await this.commit(message);
    return this.push();
  }

  async revertAndPush(...commits: readonly string[]): Promise<string> {
    await this.git('revert', '--no-edit', ...commits);
    return this.push();
  }

  head(): Promise<string> {
    return this.git('rev-parse', 'HEAD');
  }

  async isAt(commit: string): Promise<boolean> {
    return (await this.head()) === commit;
  }

  /** Everything as it was at a commit, as a new commit. */
  async restoreAndPush(commit: string): Promise<void> {
    await this.git('read-tree', '--reset', '-u', commit);
    await this.git('commit', '--quiet', '--allow-empty', '--message', `As it was at ${commit}`);
    await this.push();
  }

  /** kubectl carries the objects, so that nobody else can write. */
  private async push(): Promise<string> {
    const remote = `ext::${tool('kubectl') ?? 'kubectl'} --namespace git exec --stdin deployment/git -- %S ${SERVED}`;
    await this.git(
      '-c',
      'protocol.ext.allow=always',
      'push',
      '--quiet',
      '--force',
      remote,
      'HEAD:refs/heads/main',
    );
    return this.head();
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

/** What GitHub's webhook tells Argo CD: look again. */
export async function announce(...applications: readonly string[]): Promise<void> {
  await kubectl(
    '--namespace=argocd',
    'annotate',
    'application',
    ...applications,
    'argocd.argoproj.io/refresh=normal',
    '--overwrite',
  );
}
