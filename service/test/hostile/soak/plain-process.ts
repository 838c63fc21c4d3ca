import { startArguments } from '../../../bench/start-command.js';
import { ChildSubject, type Handles } from './child-subject.js';
import { readProcesses } from './memory.js';
import type { Launcher } from './subject.js';

const HANDLES: Handles = {
  signal: async (name, child) => void child.kill(name),
  stallLog: async (child) => void child.stdout?.pause(),
  resumeLog: async (child) => void child.stdout?.resume(),
  readMemory: (child) => (child.pid === undefined ? undefined : readProcesses(child.pid)),
};

/** What the service chooses for itself in one core and 512 MB. */
const SIZES = {
  WORKERS: '1',
  INTRA_OP_THREADS: '1',
  DECODE_CONCURRENCY: '1',
  MAX_IN_FLIGHT_BYTES: String(64 * 1024 * 1024),
  MAX_QUEUE_BYTES: String(64 * 1024 * 1024),
};
const HEAP_MEGABYTES = 256;

/** Where there is no container engine. */
export const PLAIN_PROCESS: Launcher = {
  sentence: 'No container engine: a plain process, sized as for one core and 512 MB, and held to neither.',
  start: async (port) => {
    const { PATH = '', HOME = '', TMPDIR = '/tmp' } = process.env;
    const where = { HOST: '127.0.0.1', PORT: String(port), LOG_FORMAT: 'json', DRAIN_DELAY_MS: '0' };
    const environment = { PATH, HOME, TMPDIR, ...where, ...SIZES };
    const args = [`--max-old-space-size=${HEAP_MEGABYTES}`, ...startArguments('.')];
    return new ChildSubject({ program: process.execPath, args, environment }, port, HANDLES);
  },
};
