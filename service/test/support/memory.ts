import { readFile, writeFile } from 'node:fs/promises';

/** How much physical memory a process took meanwhile beyond what it had, at the most; bytes (Linux). */
export async function peakGrowth(pid: number, during: () => Promise<unknown>): Promise<number> {
  await writeFile(`/proc/${pid}/clear_refs`, RESET_PEAK);
  const before = await statusBytes(pid, 'VmRSS');
  await during();
  return (await statusBytes(pid, 'VmHWM')) - before;
}

/** Source: Linux Documentation/filesystems/proc.rst. */
const RESET_PEAK = '5';

async function statusBytes(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
}
