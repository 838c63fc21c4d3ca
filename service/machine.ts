import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';

interface CpuBudget {
  /** Cores this process may use; fractional under a quota. */
  readonly cores: number;
  /** Where the figure comes from, for the log. */
  readonly source: string;
}

/** libuv's own default. */
const DEFAULT_UV_THREADS = 4;

/** What this process may use of the machine, which all that runs in it shares. */
export interface Machine {
  /** Cores; fractional under a quota. */
  readonly cores: number;
  readonly memoryBytes: number;
  /** Threads of libuv's pool, on which files are read and images decoded. */
  readonly uvThreads: number;
}

/**
 * Reads the CPU quota of this container: ONNX Runtime is blind to it and `os.availableParallelism()` unreliable.
 * Source: Linux Documentation/admin-guide/cgroup-v2.rst (cpu.max) and cgroup-v1 (cfs_quota_us / cfs_period_us).
 */
export function readCpuBudget(read: (path: string) => string = readText): CpuBudget {
  const host = Math.max(1, Math.min(cpus().length || 1, availableParallelism()));
  const quota = quotaV2(read) ?? quotaV1(read);
  if (quota === undefined || quota.cores >= host) return { cores: host, source: 'cores of this machine' };
  return quota;
}

function quotaV2(read: (path: string) => string): CpuBudget | undefined {
  for (const folder of ownCgroupFolders(read)) {
    const [quota, period] = attempt(read, `/sys/fs/cgroup${folder}/cpu.max`).split(/\s+/);
    const cores = Number(quota) / Number(period);
    if (Number.isFinite(cores) && cores > 0)
      return { cores, source: `cgroup quota (cpu.max ${quota} ${period})` };
  }
  return undefined;
}

function quotaV1(read: (path: string) => string): CpuBudget | undefined {
  for (const controller of ['cpu', 'cpu,cpuacct']) {
    const quota = Number(attempt(read, `/sys/fs/cgroup/${controller}/cpu.cfs_quota_us`).trim() || Number.NaN);
    const period = Number(
      attempt(read, `/sys/fs/cgroup/${controller}/cpu.cfs_period_us`).trim() || Number.NaN,
    );
    if (quota > 0 && period > 0) {
      return {
        cores: quota / period,
        source: `cgroup quota (cfs_quota_us ${quota}, cfs_period_us ${period})`,
      };
    }
  }
  return undefined;
}

/** How often the CPU quota was used up since the container started; 0 without one. Sources as above (cpu.stat). */
export function readThrottledPeriods(read: (path: string) => string = readText): number {
  const v2 = ownCgroupFolders(read).map((folder) => `/sys/fs/cgroup${folder}/cpu.stat`);
  for (const path of [...v2, '/sys/fs/cgroup/cpu/cpu.stat', '/sys/fs/cgroup/cpu,cpuacct/cpu.stat']) {
    const periods = /^nr_throttled (\d+)$/m.exec(attempt(read, path))?.[1];
    if (periods !== undefined) return Number(periods);
  }
  return 0;
}

/** The folder as a container sees it (the root), then as the host would name it. */
function ownCgroupFolders(read: (path: string) => string): string[] {
  const own = /^0::(\/.*)$/m.exec(attempt(read, '/proc/self/cgroup'))?.[1] ?? '/';
  return own === '/' ? [''] : [own, ''];
}

function attempt(read: (path: string) => string, path: string): string {
  try {
    return read(path);
  } catch {
    return '';
  }
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

/** The memory that this container may use, in bytes; where nothing limits it, what the machine has. Sources as above. */
export function readMemoryBudget(read: (path: string) => string = readText): number {
  const v2 = ownCgroupFolders(read).map((folder) => `/sys/fs/cgroup${folder}/memory.max`);
  for (const path of [...v2, '/sys/fs/cgroup/memory/memory.limit_in_bytes']) {
    const limit = Number(attempt(read, path).trim() || Number.NaN);
    if (limit > 0 && limit < totalmem()) return limit;
  }
  return totalmem();
}

/** Threads that libuv's pool has; it takes the figure from the environment when the process starts. */
export function uvThreads(uvThreadpoolSize: string | undefined): number {
  const size = Number(uvThreadpoolSize ?? '');
  return Number.isInteger(size) && size >= 1 && size <= 1024 ? size : DEFAULT_UV_THREADS;
}
