import type { Continuation } from './source.js';

/** Whether an answer with this Content-Range is the rest that was asked for, of an object of the size that is known. */
export function isContinuation(contentRange: string | undefined, from: Continuation): boolean {
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/i.exec(contentRange ?? '') ?? [];
  return Number(first) === from.offset && Number(last) === from.size - 1 && Number(total) === from.size;
}

/**
 * The entity tag where it stands for bytes. A weak one stands for what they mean, so that a rest under the same tag
 * may belong to other bytes.
 */
export function strongTag(tag: string | undefined): string | undefined {
  return tag === undefined || tag === '' || /^W\//i.test(tag) ? undefined : tag;
}
