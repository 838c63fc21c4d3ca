import { readFileSync } from 'node:fs';
import { arch, cpus } from 'node:os';

/** What the answers of a model with 8-bit weights depend on: without VNNI sums of products saturate. */
export interface Processor {
  /** Architecture, and the best of its instructions for 8-bit products. */
  readonly kind: string;
  readonly model: string;
}

/** By their names in /proc/cpuinfo, the best first. */
const INSTRUCTIONS = ['amx_int8', 'avx512_vnni', 'avx_vnni', 'avx2', 'i8mm', 'asimddp'];
const ON_X64_WITHOUT_SATURATION = /amx_int8|vnni/;

/** The processor of this machine. @param cpuInfo the text of /proc/cpuinfo; empty where there is none */
export function readProcessor(cpuInfo = readCpuInfo()): Processor {
  const [, flags = ''] = /^(?:flags|Features)\s*: (.*)$/m.exec(cpuInfo) ?? [];
  const known = new Set(flags.split(' '));
  const best = INSTRUCTIONS.find((name) => known.has(name));
  return { kind: [arch(), best].filter(Boolean).join(' '), model: cpus()[0]?.model.trim() ?? 'unknown' };
}

/** Whether its sums of products of 8-bit numbers can saturate. */
export function saturates({ kind }: Processor): boolean {
  return kind.startsWith('x64') && !ON_X64_WITHOUT_SATURATION.test(kind);
}

function readCpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}
