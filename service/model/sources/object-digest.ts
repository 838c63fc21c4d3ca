import { createHash, type Hash } from 'node:crypto';

/** What a source says that an object hashes to, before it sends it. */
export interface ObjectDigest {
  /** git-blob: SHA-1 of `blob <bytes>`, a zero byte and the content, which git and its servers know a file by. */
  readonly kind: 'sha256' | 'git-blob';
  /** Lower-case hex digits: 64 of sha256, 40 of git-blob. */
  readonly hex: string;
}

/** @param bytes of the whole content, which a git blob begins with */
export function beginHash(kind: ObjectDigest['kind'], bytes: number): Hash {
  if (kind === 'sha256') return createHash('sha256');
  return createHash('sha1').update(`blob ${bytes}\0`);
}
