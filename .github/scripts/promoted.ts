/**
 * Says which overlays got another image or model between two commits, for the matrix of promotion-check.yml:
 * `promoted.ts BEFORE AFTER`.
 */
import { execFileSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { setOutput } from './output.ts';
import { type Running, runningOf } from './overlay.ts';

/** What an endpoint must say once the promotion has arrived; empty where there is nothing to be said. */
export interface Expectation {
  readonly overlay: string;
  readonly version: string;
  readonly model_sha256: string;
}

const OVERLAY = /^k8s\/overlays\/([^/]+)\/kustomization\.yaml$/;

const git = (...args: readonly string[]): string => execFileSync('git', args, { encoding: 'utf8' });

function runningAt(commit: string, file: string): Running | undefined {
  const isThere = git('ls-tree', '--name-only', commit, '--', file) !== '';
  return isThere ? runningOf(git('show', `${commit}:${file}`)) : undefined;
}

export function promotedBetween(before: string, after: string): Expectation[] {
  const files = git('diff', '--name-only', '-z', before, after, '--', 'k8s/overlays').split('\0');
  return files.flatMap((file) => {
    const [, overlay] = OVERLAY.exec(file) ?? [];
    if (overlay === undefined) return [];
    const then = runningAt(before, file);
    const now = runningAt(after, file);
    if (now === undefined || isDeepStrictEqual(then, now)) return [];
    return expectationOf(overlay, now);
  });
}

/** An overlay without a released version, such as local, is deployed by hand. */
function expectationOf(overlay: string, { tag = '', modelSha256 = '' }: Running): Expectation[] {
  if (!/^\d+\.\d+\.\d+/.test(tag)) return [];
  return [{ overlay, version: tag.replace(/-cuda$/, ''), model_sha256: modelSha256 }];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [before = 'HEAD^', after = 'HEAD'] = process.argv.slice(2);
  setOutput('promotions', JSON.stringify(promotedBetween(before, after)));
}
