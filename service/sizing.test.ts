import { cpus, totalmem } from 'node:os';
import { describe, expect, it } from 'vitest';
import { chooseSizing, readCpuBudget, readMemoryBudget, readThrottledPeriods, uvThreads } from './sizing.js';

function files(content: Record<string, string>): (path: string) => string {
  return (path) => {
    const text = content[path];
    if (text === undefined) throw new Error('ENOENT');
    return text;
  };
}

describe('readCpuBudget', () => {
  it('takes the quota of cgroup v2', () => {
    expect(readCpuBudget(files({ '/sys/fs/cgroup/cpu.max': '50000 100000\n' })).cores).toBe(0.5);
  });

  it('finds the own group where the whole tree is visible', () => {
    const tree = { '/proc/self/cgroup': '0::/a/b\n', '/sys/fs/cgroup/a/b/cpu.max': '75000 100000' };
    expect(readCpuBudget(files(tree)).cores).toBe(0.75);
  });

  it('takes the quota of cgroup v1', () => {
    const tree = {
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '25000',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
    };
    expect(readCpuBudget(files(tree)).cores).toBe(0.25);
  });

  it.each([
    ['no limit in v2', { '/sys/fs/cgroup/cpu.max': 'max 100000' }],
    [
      'no limit in v1',
      { '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1', '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000' },
    ],
    ['a quota above the machine', { '/sys/fs/cgroup/cpu.max': '99999900000 100000' }],
    ['no cgroup', {}],
    ['nonsense', { '/sys/fs/cgroup/cpu.max': 'what' }],
  ])('takes the cores of the machine for %s', (_, tree) => {
    const { cores } = readCpuBudget(files(tree));
    expect(cores).toBeGreaterThanOrEqual(1);
    expect(cores).toBeLessThanOrEqual(cpus().length);
  });
});

describe('readMemoryBudget', () => {
  it('takes the limit of cgroup v2 or v1', () => {
    expect(readMemoryBudget(files({ '/sys/fs/cgroup/memory.max': '536870912\n' }))).toBe(536_870_912);
    expect(readMemoryBudget(files({ '/sys/fs/cgroup/memory/memory.limit_in_bytes': '1000000' }))).toBe(
      1_000_000,
    );
  });

  it.each([
    ['none', {}],
    ['max', { '/sys/fs/cgroup/memory.max': 'max' }],
    ['more than there is', { '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712' }],
  ])('takes what the machine has where the limit is %s', (_, tree) => {
    expect(readMemoryBudget(files(tree))).toBe(totalmem());
  });
});

describe('readThrottledPeriods', () => {
  const v2 =
    'usage_usec 90\nuser_usec 60\nsystem_usec 30\nnr_periods 40\nnr_throttled 7\nthrottled_usec 12\nnr_bursts 0\n';

  it.each([
    ['cgroup v2', { '/sys/fs/cgroup/cpu.stat': v2 }],
    [
      'the own group where the whole tree is visible',
      { '/proc/self/cgroup': '0::/a\n', '/sys/fs/cgroup/a/cpu.stat': v2 },
    ],
    ['cgroup v1', { '/sys/fs/cgroup/cpu/cpu.stat': 'nr_periods 40\nnr_throttled 7\nthrottled_time 1\n' }],
  ])('counts the periods of %s', (_, tree) => {
    expect(readThrottledPeriods(files(tree))).toBe(7);
  });

  it.each([
    ['no cgroup', {}],
    ['no CPU controller', { '/sys/fs/cgroup/cpu.stat': 'usage_usec 90\nuser_usec 60\nsystem_usec 30\n' }],
  ])('counts none where there is %s', (_, tree) => {
    expect(readThrottledPeriods(files(tree))).toBe(0);
  });
});

describe('chooseSizing', () => {
  const MiB = 1024 ** 2;
  const machine = {
    cores: 8,
    memoryBytes: 64 * 1024 * MiB,
    usesGpu: false,
    uvThreads: 16,
  };

  it('gives each core a worker of one thread', () => {
    expect(chooseSizing(machine, {})).toMatchObject({ workers: 8, intraOpThreads: 1, decodeConcurrency: 8 });
  });

  it('keeps one of each below one core', () => {
    const sizing = chooseSizing({ ...machine, cores: 0.25 }, {});
    expect(sizing).toMatchObject({ workers: 1, intraOpThreads: 1, decodeConcurrency: 1 });
  });

  it('gives the cores to the threads of fewer workers', () => {
    expect(chooseSizing(machine, { workers: 2 })).toMatchObject({ workers: 2, intraOpThreads: 4 });
  });

  it('lets the workers decode where these fill the cores, and not where they wait for a GPU', () => {
    expect(chooseSizing(machine, {}).workersDecode).toBe(true);
    expect(chooseSizing({ ...machine, cores: 2.5 }, {}).workersDecode).toBe(true);
    expect(chooseSizing(machine, { workers: 2 }).workersDecode).toBe(false);
    expect(chooseSizing({ ...machine, cores: 1, usesGpu: true }, {}).workersDecode).toBe(false);
  });

  it('never decodes more at once than the pool has threads', () => {
    expect(chooseSizing({ ...machine, uvThreads: 4 }, {}).decodeConcurrency).toBe(4);
  });

  it('takes one worker and large batches on a GPU', () => {
    expect(chooseSizing({ ...machine, usesGpu: true }, {})).toMatchObject({ workers: 1, maxBatchSize: 32 });
  });

  it('keeps what waits to an eighth of a small memory', () => {
    expect(chooseSizing({ ...machine, memoryBytes: 512 * MiB }, {}).maxQueueBytes).toBe(64 * MiB);
    expect(chooseSizing(machine, {}).maxQueueBytes).toBe(128 * MiB);
  });

  it('lets bodies take an eighth of the memory', () => {
    expect(chooseSizing({ ...machine, memoryBytes: 512 * MiB }, {}).maxInFlightBytes).toBe(64 * MiB);
  });

  it('leaves alone what was configured', () => {
    const chosen = {
      workers: 3,
      intraOpThreads: 5,
      decodeConcurrency: 7,
      maxBatchSize: 9,
      maxInFlightImages: 11,
      maxInFlightBytes: 12,
      maxQueueBytes: 13,
    };
    expect(chooseSizing(machine, chosen)).toMatchObject(chosen);
  });
});

describe('uvThreads', () => {
  it.each([
    [undefined, 4],
    ['', 4],
    ['many', 4],
    ['16', 16],
  ])('%s means %i', (value, threads) => {
    expect(uvThreads(value)).toBe(threads);
  });
});
