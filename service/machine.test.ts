import { cpus, totalmem } from 'node:os';
import { describe, expect, it } from 'vitest';
import { readCpuBudget, readMemoryBudget, readThrottledPeriods, uvThreads } from './machine.js';

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
