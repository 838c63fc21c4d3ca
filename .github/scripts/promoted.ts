/**
 * Says which environments got another image, model or revision between two commits of main, for the matrix of
 * promotion-check.yml: `promoted.ts BEFORE AFTER`.
 */
import { pathToFileURL } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { type Environment, environmentsAt, type Release, releaseAt } from './environments.ts';
import { setOutput } from './output.ts';

/** What an endpoint must say once it has arrived; empty where there is nothing to be said. */
export interface Expectation {
  readonly environment: string;
  readonly version: string;
  readonly model_sha256: string;
}

/** Who follows main runs it as this commit has it; others stay at their pin, a commit or a tag. */
function runningAt(commit: string, { revision }: Environment): Release & { readonly pin: string } {
  const pin = revision === 'main' || revision === 'HEAD' ? '' : revision;
  return { pin, ...releaseAt(pin === '' ? commit : pin) };
}

export function promotedBetween(before: string, after: string): Expectation[] {
  const earlier = new Map(environmentsAt(before).map((one) => [one.name, runningAt(before, one)]));
  return environmentsAt(after).flatMap((environment) => {
    const now = runningAt(after, environment);
    if (now.version === '' || isDeepStrictEqual(earlier.get(environment.name), now)) return [];
    return { environment: environment.name, version: now.version, model_sha256: now.modelSha256 };
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [before = 'HEAD^', after = 'HEAD'] = process.argv.slice(2);
  setOutput('promotions', JSON.stringify(promotedBetween(before, after)));
}
