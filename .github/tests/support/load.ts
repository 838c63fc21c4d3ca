import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { EXIT_CODES } from '../../../loadtest/exit.js';
import type { Gate } from '../../../loadtest/gates.js';
import { ServiceProcess } from '../../../service/test/support/service-process.js';
import { type Fault, startProxy } from './proxy.js';

export const GATE_CROSSED = EXIT_CODES.fail;
export const ROOT = join(import.meta.dirname, '../../..');

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

export type Settings = Readonly<Record<string, string>>;

export async function run(command: string, args: readonly string[], settings: Settings): Promise<Ended> {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(command, args, { cwd: ROOT, env: { PATH, HOME, ...settings } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cv-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export const crossed = (gates: readonly Gate[]): string[] =>
  gates.filter(({ passed }) => !passed).map(({ name }) => name);

/** One service for all tests of a file, as it is and behind something that makes it worse. */
export function serviceUnderLoad(): {
  readonly url: () => string;
  readonly worsened: (fault: Fault) => Promise<string>;
} {
  let service: ServiceProcess;
  beforeAll(async () => {
    service = new ServiceProcess({});
    await service.said('ready');
  });
  afterAll(() => service.destroy());
  return {
    url: () => service.url,
    worsened: async (fault) => {
      const proxy = await startProxy(service.url, fault);
      onTestFinished(() => proxy.close());
      return proxy.url;
    },
  };
}
