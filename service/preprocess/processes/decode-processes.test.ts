import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { scanBomb } from '../../test/support/scan-bomb.js';
import { specOf } from '../decoder.test-support.js';
import type { ImageFormat } from '../image.js';
import { encoderOf, picture } from '../samples.test-support.js';
import { DecodeProcesses, type DecodeProcessesOptions, type DecodeReply } from './decode-processes.js';

const WAITING = { timeout: 15_000, interval: 20 };
const LONG_MS = 60_000;
const png = await encoderOf(picture(40, 30)).png().toBuffer();
/** Within all limits, and some hundred milliseconds of work. */
const slow = scanBomb({ width: 5000, height: 5000, scans: 40 });

const opened: DecodeProcesses[] = [];
afterEach(async () => void (await Promise.all(opened.splice(0).map((each) => each.destroy()))));

async function start(change: Partial<DecodeProcessesOptions> = {}): Promise<DecodeProcesses> {
  const processes = new DecodeProcesses({
    formats: ['png', 'jpeg'],
    maxPixels: 25_000_000,
    spec: specOf('bilinear'),
    reduce: 'auto',
    fastDecoders: true,
    processes: 1,
    ...change,
  });
  opened.push(processes);
  await processes.started();
  return processes;
}

function decode(
  processes: DecodeProcesses,
  file: Uint8Array,
  {
    signal,
    format = 'png',
    maxCpuMs = LONG_MS,
  }: { signal?: AbortSignal; format?: ImageFormat; maxCpuMs?: number } = {},
): Promise<DecodeReply> {
  const running = processes.run({ format, maxCpuMs }, file, signal);
  running.catch(() => undefined);
  return running;
}

async function expectDecoded(processes: DecodeProcesses): Promise<void> {
  const { image } = await decode(processes, png);
  expect([image.width, image.height, image.pixels.data.byteLength]).toEqual([40, 30, 40 * 30 * 3]);
}

/** Stops a process, so that what it is given takes for ever. */
function halted(processes: DecodeProcesses): number {
  const [pid = 0] = processes.pids;
  process.kill(pid, 'SIGSTOP');
  return pid;
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('a decode process that ends in the middle of a file', () => {
  it.each([
    ['SIGKILL', 'WORKER_LOST'],
    ['SIGSEGV', 'IMAGE_UNDECODABLE'],
    ['SIGABRT', 'IMAGE_UNDECODABLE'],
    ['SIGBUS', 'IMAGE_UNDECODABLE'],
  ] as const)('by %s: %s for that one, and the next is decoded', async (signal, code) => {
    const lost: string[] = [];
    const processes = await start({ onLost: (reason) => lost.push(reason) });
    const pid = halted(processes);
    const running = decode(processes, png);
    const next = decode(processes, png);
    process.kill(pid, signal);
    process.kill(pid, 'SIGCONT');
    await expect(running).rejects.toMatchObject({ code });
    expect((await next).image.width).toBe(40);
    expect(processes.pids).not.toContain(pid);
    expect(lost).toHaveLength(1);
  });

  it('loses nobody else: the others have processes of their own', async () => {
    const processes = await start({ processes: 2 });
    const pid = halted(processes);
    const first = decode(processes, png);
    await expectDecoded(processes);
    process.kill(pid, 'SIGKILL');
    await expect(first).rejects.toMatchObject({ code: 'WORKER_LOST' });
    await expectDecoded(processes);
  });
});

describe('a file that is given up', () => {
  it('rejects with IMAGE_UNDECODABLE when its CPU time is used up, and its process is replaced', async () => {
    const processes = await start();
    const [pid = 0] = processes.pids;
    const running = decode(processes, slow, { format: 'jpeg', maxCpuMs: 50 });
    await expect(running).rejects.toMatchObject({ code: 'IMAGE_UNDECODABLE' });
    await vi.waitFor(() => expect(lives(pid)).toBe(false), WAITING);
    await expectDecoded(processes);
  });

  it('takes its process along a little after its request has left', async () => {
    const processes = await start();
    const pid = halted(processes);
    const controller = new AbortController();
    const running = decode(processes, png, { signal: controller.signal });
    controller.abort(new Error('left'));
    await expect(running).rejects.toMatchObject({ code: 'WORKER_LOST' });
    expect(lives(pid)).toBe(false);
    await expectDecoded(processes);
  });

  it('is let finish where it is nearly done', async () => {
    const processes = await start();
    const { pids } = processes;
    const controller = new AbortController();
    const running = decode(processes, png, { signal: controller.signal });
    controller.abort(new Error('left'));
    await running;
    expect(processes.pids).toEqual(pids);
  });

  it('is dropped where it waits', async () => {
    const processes = await start();
    const pid = halted(processes);
    const controller = new AbortController();
    const running = decode(processes, png);
    const waiting = decode(processes, png, { signal: controller.signal });
    controller.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    await expect(decode(processes, png, { signal: controller.signal })).rejects.toThrow('left');
    process.kill(pid, 'SIGCONT');
    expect((await running).image.width).toBe(40);
  });
});

describe('processes that do not come up', () => {
  it('are told of by WORKER_LOST, and nobody waits for them', async () => {
    const lost: string[] = [];
    const formats = ['nonsense'] as unknown as ImageFormat[];
    const starting = start({ formats, onLost: (reason) => lost.push(reason) });
    await expect(starting).rejects.toMatchObject({ code: 'WORKER_LOST' });
    const [processes] = opened;
    if (processes === undefined) throw new Error('none');
    await expect(decode(processes, png)).rejects.toMatchObject({ code: 'WORKER_LOST' });
    expect(lost.length).toBeGreaterThanOrEqual(3);
    expect(lost[0]).toMatch(/exit code/);
    await processes.close();
    expect(processes.pids).toEqual([]);
  });
});

describe.runIf(process.platform === 'linux')('a process after large images', () => {
  /** What is its own, bytes. */
  function ownMemory(pid: number): number {
    const smaps = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Private_Dirty:\s+(\d+) kB/m.exec(smaps)?.[1]) * 1024;
  }

  it('gives back at rest what it took', async () => {
    const processes = await start();
    const [pid = 0] = processes.pids;
    await expectDecoded(processes);
    const before = ownMemory(pid);
    const large = encoderOf(picture(64, 48)).resize(4000, 3000, { kernel: 'nearest' });
    await decode(processes, await large.clone().png({ compressionLevel: 1 }).toBuffer());
    await decode(processes, await large.jpeg().toBuffer(), { format: 'jpeg' });
    await vi.waitFor(() => expect(ownMemory(pid)).toBeLessThan(before + 12_000_000), WAITING);
    expect(processes.pids).toEqual([pid]);
  });
});

describe('processes that end again and again over what they are given', () => {
  it('are replaced each time: nobody who waits is refused for it', async () => {
    const processes = await start();
    for (let round = 0; round < 6; round++) {
      await vi.waitFor(() => expect(processes.pids).toHaveLength(1), WAITING);
      await processes.started();
      const pid = halted(processes);
      const culprit = decode(processes, png);
      const honest = decode(processes, png);
      process.kill(pid, 'SIGSEGV');
      process.kill(pid, 'SIGCONT');
      await expect(culprit).rejects.toMatchObject({ code: 'IMAGE_UNDECODABLE' });
      expect((await honest).image.width).toBe(40);
    }
  });
});

describe('the end', () => {
  it('close waits for what runs and what waits; then no process is left', async () => {
    const processes = await start();
    const pid = halted(processes);
    const both = [decode(processes, png), decode(processes, png)];
    const closing = Promise.all([processes.close(), processes.close()]);
    await expect(decode(processes, png)).rejects.toMatchObject({ code: 'WORKER_LOST' });
    process.kill(pid, 'SIGCONT');
    await Promise.all(both);
    await closing;
    expect(lives(pid)).toBe(false);
  });

  it('destroy ends what runs at once, and what waits', async () => {
    const processes = await start();
    const pid = halted(processes);
    const both = [decode(processes, png), decode(processes, png)];
    await Promise.all([processes.destroy(), processes.destroy()]);
    expect(lives(pid)).toBe(false);
    for (const each of both) await expect(each).rejects.toMatchObject({ code: 'WORKER_LOST' });
    await processes.close();
  });

  it('comes with that of the service, however that ended, also in the middle of a file', async () => {
    const entry = new URL('../../../dist/service/preprocess/processes/decode-processes.js', import.meta.url);
    const script = `
      const { DecodeProcesses } = await import(process.argv[1]);
      const processes = new DecodeProcesses(JSON.parse(process.argv[2]));
      await processes.started();
      processes.run({ format: 'jpeg', maxCpuMs: 60000 }, Buffer.from(process.argv[3], 'base64'));
      setTimeout(() => console.log(processes.pids[0]), 100);`;
    const options = {
      formats: ['jpeg'],
      maxPixels: 25e6,
      spec: specOf('bilinear'),
      reduce: 'off',
      processes: 1,
    };
    const file = slow.toString('base64');
    const args = ['--input-type=module', '-e', script, entry.href, JSON.stringify(options), file];
    const service = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = (await once(service.stdout, 'data')) as [Buffer];
    const pid = Number(said.toString());
    expect(lives(pid)).toBe(true);
    service.kill('SIGKILL');
    await vi.waitFor(() => expect(lives(pid)).toBe(false), WAITING);
  });
});

describe('a decode process', () => {
  it('leaves Ctrl-C and SIGTERM, which reach the whole group, to the service', async () => {
    const processes = await start();
    const { pids } = processes;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGINT'] as const) process.kill(pids[0] ?? 0, signal);
    await expectDecoded(processes);
    expect(processes.pids).toEqual(pids);
  });

  it.runIf(process.platform === 'linux')(
    'sees nothing of the environment, and yields cores and memory to the service',
    async () => {
      vi.stubEnv('SECRET_OF_THIS_TEST', 'secret');
      const processes = await start();
      const [pid = 0] = processes.pids;
      expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toMatch(/SECRET|PATH|HOME/);
      const [, , , , , , , , , , , , , , , , , , niceness] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(
        ' ',
      );
      expect(Number(niceness)).toBeGreaterThanOrEqual(5);
      expect(Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8'))).toBeGreaterThanOrEqual(500);
      vi.unstubAllEnvs();
    },
  );

  it('decodes on while answers and refusals alternate, and says what is wrong with a file', async () => {
    const processes = await start();
    const [pid] = processes.pids;
    for (let round = 0; round < 5; round++) {
      await expectDecoded(processes);
      const broken = decode(processes, png.subarray(0, 200));
      await expect(broken).rejects.toMatchObject({ code: 'IMAGE_UNDECODABLE' });
    }
    const bomb = scanBomb({ width: 64, height: 64, scans: 101 });
    await expect(decode(processes, bomb, { format: 'jpeg' })).rejects.toMatchObject({
      code: 'IMAGE_UNDECODABLE',
    });
    expect(processes.pids).toEqual([pid]);
  });
});

describe('a decode process that draws', () => {
  const job = { format: 'png', maxCpuMs: LONG_MS } as const;
  const order = { format: 'jpeg', maxSide: 2048 } as const;

  it('gives back a picture, and decodes again afterwards', async () => {
    const processes = await start();
    const box = { x_min: 1, y_min: 1, x_max: 30, y_max: 20 };
    const shapes = [{ kind: 'box', box, text: 'cat', classId: 0 }] as const;
    const { picture } = await processes.draw(job, { ...order, shapes }, png, undefined);
    expect([...picture.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
    await expectDecoded(processes);
  });

  it('takes more shapes than a head has room for', async () => {
    const processes = await start();
    const points = Array.from({ length: 20_000 }, (_, at) => ({ x: at % 40, y: at % 30 }));
    const shapes = [{ kind: 'points', points, edges: [], classId: 1 }] as const;
    expect((await processes.draw(job, { ...order, shapes }, png, undefined)).picture.length).toBeGreaterThan(
      0,
    );
  });

  it('outlives shapes that cannot be drawn, and files that cannot be read', async () => {
    const processes = await start();
    const [pid] = processes.pids;
    const shapes = [{ kind: 'class-map', png: 'AAAA', without: [] }] as const;
    await expect(processes.draw(job, { ...order, shapes }, png, undefined)).rejects.toMatchObject({
      code: 'INTERNAL',
    });
    const half = png.subarray(0, png.length / 2);
    await expect(processes.draw(job, { ...order, shapes: [] }, half, undefined)).rejects.toMatchObject({
      code: 'IMAGE_UNDECODABLE',
    });
    await expectDecoded(processes);
    expect(processes.pids).toEqual([pid]);
  });

  it('is ended where drawing takes more CPU time than it may', async () => {
    const processes = await start();
    const drawing = processes.draw(
      { format: 'jpeg', maxCpuMs: 100 },
      { ...order, shapes: [] },
      slow,
      undefined,
    );
    await expect(drawing).rejects.toMatchObject({ code: 'IMAGE_UNDECODABLE' });
    await expectDecoded(processes);
  });
});
