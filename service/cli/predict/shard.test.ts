import { describe, expect, it } from 'vitest';
import { UsageError } from '../outcome.js';
import { isIn, parseShard, shardFile } from './shard.js';

const NAMES = Array.from({ length: 1000 }, (_, index) => `photos/${index}.jpg`);

describe('shards', () => {
  it('share a list among them: each name is in one, and none has much more than its part', () => {
    const parts = [0, 1, 2].map((index) => NAMES.filter((name) => isIn({ index, count: 3 }, name)));
    expect(parts.flat().sort()).toEqual([...NAMES].sort());
    for (const part of parts) expect(part.length).toBeGreaterThan(250);
  });

  it('keep what they have when other names come and go', () => {
    const shard = { index: 1, count: 7 };
    const few = NAMES.slice(500).filter((name) => isIn(shard, name));
    expect(few).toEqual(NAMES.filter((name) => isIn(shard, name) && NAMES.indexOf(name) >= 500));
  });

  it.each(['3/3', '-1/3', '1', '1/0', 'a/b', '0/1/2', '', '1e1/20'])('are not taken from %j', (text) => {
    expect(() => parseShard(text)).toThrow(UsageError);
  });

  it('write to files of their own', () => {
    expect(shardFile('out/answers.jsonl', { index: 2, count: 10 })).toBe('out/answers-00002-of-00010.jsonl');
    expect(shardFile('s3://bucket/run.1/answers', { index: 0, count: 2 })).toBe(
      's3://bucket/run.1/answers-00000-of-00002',
    );
    expect(shardFile('answers.csv', parseShard('0/1'))).toBe('answers.csv');
  });
});
