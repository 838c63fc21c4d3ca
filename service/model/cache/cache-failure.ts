import { messageOf, ServiceError } from '../../errors.js';

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'it is full; give it more room',
  EDQUOT: 'its quota is used up; give it more room',
  EROFS: 'it is read-only; mount a writable volume there',
  EACCES: 'it may not be written; check its owner and permissions',
  EPERM: 'it may not be written; check its owner and permissions',
  ENOTDIR: 'part of the path is a file, not a folder',
  EEXIST: 'part of the path is a file, not a folder',
};

/** What the disk says against the cache, as MODEL_UNAVAILABLE with what to do. */
export function cacheFailure(directory: string, thrown: unknown): ServiceError {
  if (thrown instanceof ServiceError) return thrown;
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const reason = REASONS[code] ?? messageOf(thrown);
  return new ServiceError('MODEL_UNAVAILABLE', `the model cache ${directory} cannot be used: ${reason}`, {
    cause: thrown,
  });
}
