import { execFileSync } from 'node:child_process';

/** Worker threads and spawned processes run what ships: build it once before the tests. */
export function setup(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
}
