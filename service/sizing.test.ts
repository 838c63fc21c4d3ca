import { describe, expect, it } from 'vitest';
import { limitProcess, sizeModel } from './sizing.js';

const MiB = 1024 ** 2;
const machine = { cores: 8, memoryBytes: 64 * 1024 * MiB, uvThreads: 16 };

describe('sizeModel', () => {
  it('gives each core a worker of one thread', () => {
    const sizing = sizeModel(machine, 'cpu', {});
    expect(sizing).toMatchObject({ workers: 8, intraOpThreads: 1, decodeConcurrency: 8 });
  });

  it('keeps one of each below one core', () => {
    const sizing = sizeModel({ ...machine, cores: 0.25 }, 'cpu', {});
    expect(sizing).toMatchObject({ workers: 1, intraOpThreads: 1, decodeConcurrency: 1 });
  });

  it('gives the cores to the threads of fewer workers', () => {
    expect(sizeModel(machine, 'cpu', { workers: 2 })).toMatchObject({ workers: 2, intraOpThreads: 4 });
  });

  it('lets the workers decode where these fill the cores, and not where they wait for a GPU', () => {
    expect(sizeModel(machine, 'cpu', {}).workersDecode).toBe(true);
    expect(sizeModel({ ...machine, cores: 2.5 }, 'cpu', {}).workersDecode).toBe(true);
    expect(sizeModel(machine, 'cpu', { workers: 2 }).workersDecode).toBe(false);
    expect(sizeModel({ ...machine, cores: 1 }, 'cuda', {}).workersDecode).toBe(false);
  });

  it('never decodes more at once than the pool has threads', () => {
    expect(sizeModel({ ...machine, uvThreads: 4 }, 'cpu', {}).decodeConcurrency).toBe(4);
  });

  it('takes one worker and large batches on a GPU', () => {
    expect(sizeModel(machine, 'cuda', {})).toMatchObject({ workers: 1, maxBatchSize: 32 });
  });

  it('leaves alone what was configured', () => {
    const chosen = { workers: 3, intraOpThreads: 5, decodeConcurrency: 7, maxBatchSize: 9 };
    expect(sizeModel(machine, 'cpu', chosen)).toMatchObject(chosen);
  });
});

describe('limitProcess', () => {
  it('keeps what waits to an eighth of a small memory', () => {
    expect(limitProcess({ ...machine, memoryBytes: 512 * MiB }, {}).maxQueueBytes).toBe(64 * MiB);
    expect(limitProcess(machine, {}).maxQueueBytes).toBe(128 * MiB);
  });

  it('lets bodies take an eighth of the memory', () => {
    expect(limitProcess({ ...machine, memoryBytes: 512 * MiB }, {}).maxInFlightBytes).toBe(64 * MiB);
  });

  it('leaves alone what was configured', () => {
    const chosen = { maxInFlightImages: 11, maxInFlightBytes: 12, maxQueueBytes: 13 };
    expect(limitProcess(machine, chosen)).toEqual(chosen);
  });
});
