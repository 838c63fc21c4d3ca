import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../test/support/models.js';
import { ModelCache } from './cache/model-cache.js';
import { findCopy, keepCopy } from './cache/source-copies.js';
import type { Fetch } from './fetch-context.js';
import { realTiming } from './retry.js';
import { CopiedObjects, LiveObjects, UnusableCopy } from './small-objects.js';
import { SourceFailure } from './sources/source-failure.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const OBJECTS = new Map([
  ['model.json', '{}'],
  ['__proto__x', 'x'],
  ['onnx/model.onnx', ''],
]);

function fetchOf(open: (name: string) => string): Fetch {
  const logger = { info: () => {}, warn: () => {} };
  const limits = {
    maxModelBytes: 1,
    maxCacheBytes: 1,
    attempts: 1,
    responseTimeoutMs: 500,
    stallTimeoutMs: 500,
  };
  return {
    options: { uri: 'stub', cacheDir: '', logger, ...limits },
    source: {
      description: 'stub',
      identity: 'stub',
      entry: undefined,
      localDirectory: undefined,
      locate: (name) => name,
      open: async (name) => ({ stream: Readable.from([Buffer.from(open(name))]), size: undefined }),
      close: () => {},
    },
    signal: new AbortController().signal,
    timing: realTiming,
  };
}

const stub = fetchOf((name) => {
  const content = OBJECTS.get(name);
  if (content === undefined) throw new SourceFailure(name === 'secret.json' ? 'denied' : 'missing', 'no');
  return content;
});

/** Asks for each, and gives back what was said the first time. */
async function copyOf(ask: (objects: LiveObjects) => Promise<unknown>): Promise<CopiedObjects> {
  const cache = await ModelCache.open(await temporaryFolder());
  const objects = new LiveObjects(stub);
  await ask(objects);
  await keepCopy(cache, stub.source, { digest: DIGEST, objects: await objects.keepIn(cache, DIGEST) });
  const copy = await findCopy(cache, 'stub');
  if (copy === undefined) throw new Error('nothing was kept');
  expect(copy).toMatchObject({ digest: DIGEST });
  return new CopiedObjects(cache, copy);
}

describe('the copy of what a source said', () => {
  it('says the same again, whatever the objects are called', async () => {
    const names = ['model.json', '__proto__x'];
    const copy = await copyOf(async (objects) => {
      for (const name of names) await objects.read(name, 100);
    });
    for (const name of names) expect((await copy.read(name)).toString()).toBe(OBJECTS.get(name));
  });

  it('says that what was not there, or not for us, is missing', async () => {
    const names = ['config.json', 'secret.json', '__proto__'];
    const copy = await copyOf(async (objects) => {
      for (const name of names) await expect(objects.read(name, 100)).rejects.toThrow(SourceFailure);
    });
    for (const name of names) {
      await expect(copy.read(name)).rejects.toMatchObject({ kind: 'missing' });
      expect(await copy.exists(name)).toBe(false);
    }
  });

  it('knows what was there, without its bytes', async () => {
    const copy = await copyOf(async (objects) => {
      expect(await objects.exists('onnx/model.onnx')).toBe(true);
      expect(await objects.exists('model.onnx')).toBe(false);
    });
    expect(await copy.exists('onnx/model.onnx')).toBe(true);
    expect(await copy.exists('model.onnx')).toBe(false);
    await expect(copy.read('onnx/model.onnx')).rejects.toThrow(UnusableCopy);
  });

  it('has nothing to say to what was not asked then', async () => {
    const copy = await copyOf((objects) => objects.read('model.json', 100));
    await expect(copy.read('labels.json')).rejects.toThrow(UnusableCopy);
    await expect(copy.exists('labels.json')).rejects.toThrow(UnusableCopy);
  });
});

it('what was read is not asked for again in the same start', async () => {
  let asked = 0;
  const counted = fetchOf(() => {
    asked += 1;
    return `${asked}`;
  });
  const objects = new LiveObjects(counted);
  for (let reads = 0; reads < 3; reads += 1) {
    expect((await objects.read('config.json', 100)).toString()).toBe('1');
  }
});

it('where a source knows what it has, nothing is sent to know that it has it', async () => {
  const hex = 'a'.repeat(64);
  const open = () => Promise.reject(new Error('sent'));
  const vouchFor = async (name: string) => {
    if (name === 'none') throw new SourceFailure('missing', 'no');
    return name === 'small' ? undefined : { bytes: 1, hex };
  };
  const objects = new LiveObjects({ ...stub, source: { ...stub.source, open, vouchFor } });
  expect(await objects.exists('model.onnx')).toBe(true);
  expect(await objects.exists('small')).toBe(true);
  expect(await objects.exists('none')).toBe(false);
});

it('an object that does not answer fails as transient, when it is only asked whether it is there', async () => {
  const silent = fetchOf(() => '');
  const source = { ...silent.source, open: () => new Promise<never>(() => {}) };
  const options = { ...silent.options, responseTimeoutMs: 20 };
  await expect(new LiveObjects({ ...silent, source, options }).exists('x')).rejects.toMatchObject({
    kind: 'transient',
  });
});
