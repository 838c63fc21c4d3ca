import { once } from 'node:events';
import { messageOf } from '../../errors.js';
import type { Terminal } from '../command.js';
import { CannotGoOn } from '../outcome.js';
import type { AnswerFormat } from './format.js';
import { NOTHING_BEFORE, type Output } from './output.js';

/** Answers to whoever reads standard output. */
export async function streamOutput(stdout: Terminal['stdout'], format: AnswerFormat): Promise<Output> {
  const gone = new AbortController();
  let fault: CannotGoOn | undefined;
  const onError = (error: NodeJS.ErrnoException): void => {
    // Whoever reads has seen enough.
    if (error.code !== 'EPIPE') fault = new CannotGoOn(`the answers cannot be written: ${messageOf(error)}`);
    gone.abort();
  };
  stdout.on('error', onError);
  return {
    ...NOTHING_BEFORE,
    whenStopped: 'with --out FILE the same command would go on with them',
    gone: gone.signal,
    async write(record) {
      if (fault !== undefined) throw fault;
      if (gone.signal.aborted || stdout.write(format.encode(record))) return;
      await once(stdout, 'drain', { signal: gone.signal }).catch(() => undefined);
    },
    async close() {
      await new Promise<void>((resolve) => {
        if (gone.signal.aborted) return resolve();
        gone.signal.addEventListener('abort', () => resolve());
        stdout.write('', () => resolve());
      });
      if (fault !== undefined) throw fault;
    },
  };
}
