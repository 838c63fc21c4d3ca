/**
 * Waits until TARGET serves EXPECT_VERSION (of the service) and EXPECT_MODEL_SHA256, as its /model says: so many times in
 * a row, each over a connection of its own, that no pod of the version before is likely to be left. Ends with 1 where
 * that has not come by the deadline.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

export interface Wait {
  readonly target: string;
  readonly version: string;
  readonly modelSha256: string;
  readonly apiKey: string;
  readonly deadlineMs: number;
  readonly pauseMs: number;
  readonly inARow: number;
}

const ANSWER_TIMEOUT_MS = 5000;

interface Model {
  readonly service_version?: string;
  readonly name?: string;
  readonly version?: string;
  readonly digest?: string;
}

/** What is seen in one look, and whether it is what is waited for. */
interface Look {
  readonly isExpected: boolean;
  readonly seen: string;
}

function judge(model: Model, { version, modelSha256 }: Wait): Look {
  const isVersion = version === '' || model.service_version === version;
  // As MODEL_SHA256 is written: without a kind in front it is of one file.
  const digest = modelSha256.includes(':') ? modelSha256 : `sha256:${modelSha256}`;
  const isModel = modelSha256 === '' || model.digest === digest;
  const service = model.service_version ?? 'a service that does not say its version';
  return {
    isExpected: isVersion && isModel,
    seen: `${service}, model ${model.name} ${model.version} ${model.digest}`,
  };
}

async function look(wait: Wait): Promise<Look> {
  try {
    const response = await fetch(`${wait.target}/model`, {
      headers: {
        connection: 'close',
        'cache-control': 'no-cache',
        ...(wait.apiKey !== '' && { 'x-api-key': wait.apiKey }),
      },
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    if (!response.ok) return { isExpected: false, seen: `status ${response.status}` };
    return judge((await response.json()) as Model, wait);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return { isExpected: false, seen: `no answer: ${cause instanceof Error ? cause.message : cause}` };
  }
}

/** @returns whether it came in time */
export async function waitForVersion(wait: Wait, say: (line: string) => void): Promise<boolean> {
  const startedAt = performance.now();
  const seconds = (): string => `${Math.round((performance.now() - startedAt) / 1000)} s`;
  let inARow = 0;
  let last = '';
  while (performance.now() - startedAt < wait.deadlineMs) {
    const { isExpected, seen } = await look(wait);
    if (seen !== last) say(`${seconds()}: ${seen}`);
    last = seen;
    inARow = isExpected ? inARow + 1 : 0;
    if (inARow >= wait.inARow) {
      say(`${seconds()}: served ${inARow} times in a row`);
      return true;
    }
    await sleep(wait.pauseMs);
  }
  say(`${seconds()}: not served; last seen: ${last}`);
  return false;
}

/** Throws one sentence about everything that is wrong. */
export function readWait(environment: Readonly<Record<string, string | undefined>>): Wait {
  const given = (name: string, otherwise = ''): string => environment[name]?.trim() || otherwise;
  const faults: string[] = [];
  const number = (name: string, otherwise: number): number => {
    const value = Number(given(name, String(otherwise)));
    if (!Number.isFinite(value) || value < 0) faults.push(`${name} is not a number`);
    return value;
  };
  const wait = {
    target: given('TARGET').replace(/\/+$/, ''),
    version: given('EXPECT_VERSION'),
    modelSha256: given('EXPECT_MODEL_SHA256'),
    apiKey: given('API_KEY'),
    deadlineMs: number('DEADLINE_SECONDS', 1800) * 1000,
    pauseMs: number('PAUSE_MS', 2000),
    inARow: Math.max(1, number('IN_A_ROW', 20)),
  };
  if (!/^https?:\/\/[^/\s]+$/.test(wait.target)) faults.push('TARGET is not an http:// or https:// address');
  if (wait.version === '' && wait.modelSha256 === '') {
    faults.push('neither EXPECT_VERSION nor EXPECT_MODEL_SHA256: nothing to wait for');
  }
  if (faults.length > 0) throw new Error(faults.join('; '));
  return wait;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    const came = await waitForVersion(readWait(process.env), (line) => process.stdout.write(`${line}\n`));
    process.exitCode = came ? 0 : 1;
  } catch (error) {
    process.stderr.write(`wait-for-version: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 2;
  }
}
