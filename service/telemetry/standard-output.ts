import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { isatty } from 'node:tty';
import type { LogOutput } from './log-sink.js';

const STDOUT = 1;

/** Kept for its effect alone: libuv turns what it opens non-blocking, and Node turns it back when the process ends. */
let opened: Socket | undefined;

/** Standard output, which no reader can make this process wait for: docs/decisions/0012-logs-never-block.md */
export function openStandardOutput(): LogOutput {
  const descriptor = nonBlockingDescriptor();
  return {
    write(bytes) {
      try {
        return writeSync(descriptor, bytes);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
        throw error;
      }
    },
  };
}

function nonBlockingDescriptor(): number {
  const kind = fstatSync(STDOUT);
  const isTerminal = isatty(STDOUT);
  if (kind.isFIFO() || isTerminal) {
    const own = reopened();
    if (own !== undefined) return own;
  }
  // Files and devices such as /dev/null wait for no reader.
  if (!isTerminal && (kind.isFIFO() || kind.isSocket())) {
    opened = new Socket({ fd: STDOUT, readable: false, writable: true }).unref();
    opened.on('error', () => undefined);
  }
  return STDOUT;
}

/**
 * A file description of our own: O_NONBLOCK on the one that was inherited would hit all who share it.
 * Undefined where there is no /proc, or the pipe belongs to another user.
 */
function reopened(): number | undefined {
  try {
    return openSync('/proc/self/fd/1', constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
}
