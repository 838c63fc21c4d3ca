import { ask, kubectl } from './kubectl.js';

const LAST_LINES = '--tail=8';

/**
 * Waits until the pods of a workload are all there and ready.
 * @param workload as kubectl names it, `deployment/NAME`
 * @throws with what its namespace's pods, events and logs say where they are not in time
 */
export async function untilRolledOut(namespace: string, workload: string, withinS = 300): Promise<void> {
  const where = `--namespace=${namespace}`;
  try {
    await kubectl(where, 'rollout', 'status', `--timeout=${withinS}s`, workload);
  } catch (cause) {
    throw new Error(`${workload} is not ready after ${withinS} s\n${await described(where, workload)}`, {
      cause,
    });
  }
}

async function described(where: string, workload: string): Promise<string> {
  const containers = ['--all-containers', '--prefix', '--ignore-errors'];
  const said = await Promise.all([
    ask(where, 'get', 'pods', '--output=wide'),
    ask(where, 'get', 'events', '--field-selector=type=Warning', '--sort-by=.lastTimestamp'),
    ask(where, 'logs', workload, ...containers, LAST_LINES),
    ask(where, 'logs', workload, ...containers, LAST_LINES, '--previous'),
  ]);
  return said.filter(Boolean).join('\n\n');
}
