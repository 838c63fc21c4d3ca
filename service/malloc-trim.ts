import { createRequire } from 'node:module';

/**
 * glibc's malloc_trim: gives freed memory back to the system wherever in the heap it lies. Undefined where there is no glibc, or
 * the optional package `koffi` is not installed.
 */
export function loadMallocTrim(): (() => void) | undefined {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi').default;
    const trim = koffi.load('libc.so.6').func('int malloc_trim(size_t pad)');
    return () => void trim(0);
  } catch {
    return undefined;
  }
}
