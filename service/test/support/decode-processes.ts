import { readdirSync, readFileSync } from 'node:fs';

/** The processes in which a service decodes, by Linux' own account. */
export function decodeProcessesOf(service: { readonly pid: number }): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === service.pid && commandOf(pid).includes('decode-process.js'));
}

function parentOf(pid: number): number | undefined {
  const [, parent] = /\) \S (\d+) /.exec(read(`/proc/${pid}/stat`)) ?? [];
  return parent === undefined ? undefined : Number(parent);
}

function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`);
}

/** Nothing where the process is gone by now. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
