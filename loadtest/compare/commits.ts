import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PACKAGE_ROOT } from '../package-root.js';
import type { Undo } from './undo.js';

const BUILD_TIMEOUT_MS = 600_000;
const MAIN_BRANCHES = ['origin/main', 'main'];

/** The commit that a name stands for. Throws where there is none. */
export function commitOf(name: string): string {
  const commit = tryGit('rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`);
  if (commit === undefined)
    throw new Error(`there is no commit ${name} in this clone (is it a shallow one?)`);
  return commit;
}

/** Where HEAD left the main branch. */
export function mergeBase(): string {
  for (const branch of MAIN_BRANCHES) {
    const commit = tryGit('merge-base', 'HEAD', branch);
    if (commit !== undefined) return commit;
  }
  throw new Error(`BASE: HEAD has no ancestor in ${MAIN_BRANCHES.join(' or ')} in this clone; name a commit`);
}

/** Short hash and subject. */
export function describeCommit(commit: string): string {
  return tryGit('log', '-1', '--format=%h %s', commit) ?? commit;
}

/** A built checkout of a commit, in a folder of its own. */
export async function checkOut(commit: string, undo: Undo): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'cv-inference-compare-'));
  undo.later(() => {
    tryGit('worktree', 'remove', '--force', folder);
    rmSync(folder, { recursive: true, force: true });
  });
  git('worktree', 'add', '--quiet', '--detach', folder, commit);
  console.log(`building ${describeCommit(commit)} ...`);
  await npm(folder, 'ci', '--no-audit', '--no-fund');
  await npm(folder, 'run', 'build');
  return folder;
}

async function npm(cwd: string, ...args: string[]): Promise<void> {
  try {
    await promisify(execFile)('npm', args, { cwd, timeout: BUILD_TIMEOUT_MS, maxBuffer: 64 * 2 ** 20 });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`npm ${args.join(' ')} failed in ${cwd}:\n${`${stdout}${stderr}`.slice(-2000)}`);
  }
}

function git(...args: string[]): string {
  return execFileSync('git', args, {
    cwd: PACKAGE_ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

function tryGit(...args: string[]): string | undefined {
  try {
    return git(...args);
  } catch {
    return undefined;
  }
}
