import { createHash } from 'node:crypto';
import { parse } from 'node:path';
import { UsageError } from '../outcome.js';

/** One of `count` parts of a list, from 0. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** All of it. */
export const WHOLE: Shard = { index: 0, count: 1 };

/** Reads `INDEX/COUNT`. Throws UsageError. */
export function parseShard(text: string): Shard {
  const [, index = '', count = ''] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  if (index === '' || Number(index) >= Number(count)) {
    throw new UsageError(
      `--shard is INDEX/COUNT, from 0/COUNT to COUNT-1/COUNT; given: ${JSON.stringify(text)}`,
    );
  }
  return { index: Number(index), count: Number(count) };
}

/** Whether a file belongs to a shard: by its name alone, so that others that come or go move none. */
export function isIn(shard: Shard, name: string): boolean {
  if (shard.count === 1) return true;
  return createHash('sha256').update(name).digest().readUInt32BE() % shard.count === shard.index;
}

/** `answers.jsonl` becomes `answers-00002-of-00010.jsonl`, so that no two shards write to one file. */
export function shardFile(path: string, { index, count }: Shard): string {
  if (count === 1) return path;
  const { base, name, ext } = parse(path);
  const digits = (value: number): string => String(value).padStart(5, '0');
  return `${path.slice(0, path.length - base.length)}${name}-${digits(index)}-of-${digits(count)}${ext}`;
}
