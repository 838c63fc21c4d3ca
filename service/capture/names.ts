import { createHash } from 'node:crypto';
import type { AnsweringModel } from '../answer-keeper.js';

/** Of a file's name, beside what follows it: file systems take 255. */
const MAX_STEM_LENGTH = 200;

/** What the files of an image begin with, in the folder of their day. Different images have different ones. */
export function stemOf(requestId: string, index: number | undefined): string {
  // An id is not to be taken for another one's position in a batch, nor for another one's ending.
  const name = pathSafe(requestId)
    .replaceAll('.', '%2E')
    .replace(/-(\d{1,4})$/, '%2D$1');
  // Nothing that is encoded begins like the digest.
  const short = name.length <= MAX_STEM_LENGTH ? name : `%sha256-${sha256(requestId)}`;
  return index === undefined ? short : `${short}-${index}`;
}

/** One folder for each day, UTC. */
export function folderOf({ name, version }: Pick<AnsweringModel, 'name' | 'version'>, day: string): string {
  return `${pathSafe(name)}/${pathSafe(version)}/${day}`;
}

/** `2026-11-22` of milliseconds since 1970. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

export function endingOf(format: string): string {
  return format === 'jpeg' ? 'jpg' : format;
}

/** One name that stays in its folder, whatever it was: percent-encoded, and no dot in front. */
function pathSafe(text: string): string {
  return encodeURIComponent(text).replace(/^\./, '%2E');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
