/**
 * The one status of ci.yml: NEEDS is the `needs` context as JSON. Fails unless every job has succeeded, or was skipped
 * because the job `changes` said that nothing it looks at has changed. Needs Node alone.
 */
import { pathToFileURL } from 'node:url';

export interface Job {
  readonly result: string;
  readonly outputs?: Readonly<Record<string, string>>;
}

/** What is wrong, a line for each job. */
export function faultsOf(needs: Readonly<Record<string, Job>>): string[] {
  const changes = needs['changes'];
  if (changes === undefined) return ['changes: not among the jobs that are waited for'];
  const mayBeSkipped = (id: string): boolean =>
    changes.result === 'success' && changes.outputs?.[id] === 'false';
  return Object.entries(needs)
    .filter(([id, { result }]) => result !== 'success' && !(result === 'skipped' && mayBeSkipped(id)))
    .map(([id, { result }]) => `${id}: ${result}`);
}

function main(): void {
  const needs = JSON.parse(process.env['NEEDS'] ?? '{}') as Readonly<Record<string, Job>>;
  for (const [id, { result }] of Object.entries(needs)) process.stdout.write(`${id}: ${result}\n`);
  const faults = faultsOf(needs);
  if (faults.length === 0) return;
  process.stderr.write(`not passed: ${faults.join(', ')}\n`);
  process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
