import { execFile, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { tool } from '../../support/tools.js';

const runFile = promisify(execFile);
const LIMIT_MS = 330_000;
const LOOK_EVERY_MS = 500;
const program = tool('kubectl') ?? 'kubectl';

/** Whether everything is checked, or what takes long is left out. */
export const isFull = process.env['CLUSTER_CHECKS'] !== 'quick';

/** Whether there is a cluster to check, and why not. */
export function clusterAbsent(): string | undefined {
  return process.env['KUBECONFIG'] ? undefined : 'KUBECONFIG names no cluster';
}

export async function kubectl(...args: readonly string[]): Promise<string> {
  const { stdout } = await runFile(program, args, { maxBuffer: 64 * 2 ** 20, timeout: LIMIT_MS });
  return stdout;
}

/** @returns undefined where kubectl fails, because there is no such object for instance */
export async function ask(...args: readonly string[]): Promise<string | undefined> {
  try {
    return (await kubectl(...args)).trim();
  } catch {
    return undefined;
  }
}

export async function getJson<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await kubectl('get', ...args, '--output=json')) as T;
}

export function field(jsonPath: string, ...what: readonly string[]): Promise<string | undefined> {
  return ask('get', ...what, `--output=jsonpath=${jsonPath}`);
}

/** kubectl with something on its standard input. */
export function kubectlWith(input: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { timeout: LIMIT_MS, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(stdout) : reject(new Error(`kubectl ${args[0]}: ${stderr}`)),
    );
    child.stdin.end(input);
  });
}

export function apply(...objects: readonly object[]): Promise<string> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  return kubectlWith(list, 'apply', '--server-side', '--force-conflicts', '--filename=-');
}

export interface Waiting {
  readonly withinS: number;
  /** What is said where it does not come true. */
  readonly what: string;
}

/** Looks twice a second until it is true. @returns the seconds that it took */
export async function until(
  { withinS, what }: Waiting,
  isTrue: () => Promise<boolean>,
  seen: () => Promise<string | undefined> = async () => undefined,
): Promise<number> {
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  while (!(await isTrue())) {
    if (seconds() > withinS) throw new Error(`not within ${withinS} s: ${what}; seen: ${await seen()}`);
    await sleep(LOOK_EVERY_MS);
  }
  return seconds();
}

export const rounded = (seconds: number): string => `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
