import { ChildSubject, type Handles } from './child-subject.js';
import { readProcesses } from './memory.js';
import type { Stage } from './subject.js';

const HANDLES: Handles = {
  signal: async (name, child) => void child.kill(name),
  stallLog: async (child) => void child.stdout?.pause(),
  resumeLog: async (child) => void child.stdout?.resume(),
  readMemory: (child) => (child.pid === undefined ? undefined : readProcesses(child.pid)),
};

/** Where there is no container engine. */
export const PLAIN_PROCESS: Stage = {
  sentence:
    'There is no container engine here: a plain process, with all cores and all the memory of this machine.',
  start: async (port) => {
    const { PATH = '', HOME = '', TMPDIR = '/tmp' } = process.env;
    const environment = {
      PATH,
      HOME,
      TMPDIR,
      HOST: '127.0.0.1',
      PORT: String(port),
      LOG_FORMAT: 'json',
      DRAIN_DELAY_MS: '0',
    };
    const args = ['--enable-source-maps', 'dist/service/main.js'];
    return new ChildSubject({ program: process.execPath, args, environment }, port, HANDLES);
  },
};
