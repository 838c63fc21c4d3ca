import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/models.js';
import { launchService, startService } from '../support/service-process.js';

const LONG_TEST = { timeout: 60_000 };

/** Node before 22.15 cannot choose its exit code while native code goes on. */
const BY_FORCE = process.execve === undefined ? { code: null, signal: 'SIGKILL' } : { code: 0, signal: null };

/** Settings that have every process of the service run this first. */
function running(script: string) {
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` };
}

it('a service that has said drained ends, though a thread of libuv waits for ever', LONG_TEST, async () => {
  const pipe = join(await temporaryFolder(), 'pipe');
  // Opening it waits for a writer that never comes, as a disk that hangs makes everyone wait.
  execFileSync('mkfifo', [pipe]);
  const hang = `import { readFile } from 'node:fs';
    process.on('SIGUSR2', () => { readFile(${JSON.stringify(pipe)}, () => {}); console.log('hangs'); });`;
  const service = await startService(running(hang));
  service.send('SIGUSR2');
  expect(await service.stop('SIGTERM')).toEqual(BY_FORCE);
  expect(service.logs.at(-1)).toMatchObject({ msg: 'drained' });
  expect(service.lines).toContain('hangs');
});

it('a service whose model cannot be read to an end drains and ends on SIGTERM', LONG_TEST, async () => {
  const hang = `import files from 'node:fs/promises';
    import { syncBuiltinESMExports } from 'node:module';
    files.stat = files.open = files.lstat = () => new Promise(() => {});
    syncBuiltinESMExports();`;
  const service = launchService(running(hang));
  await service.said('listening');
  expect(await service.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(service.logs.at(-1)).toMatchObject({ msg: 'drained' });
});
