import { describe, expect, it, vi } from 'vitest';
import { ServiceError } from '../../errors.js';
import type { Prediction } from '../../predict.js';
import type { ServingModel } from '../../serving/serving-model.js';
import { CannotGoOn } from '../outcome.js';
import type { ImagePlace } from './images.js';
import type { Output } from './output.js';
import { type PredictAllOptions, predictAll } from './predict-all.js';
import type { AnswerRecord } from './record.js';

const LIMITS = { maxInFlightImages: 100, maxInFlightBytes: 100, maxQueueBytes: 1000 };
const WORKERS = 2;
const BATCH = 4;
const DECODERS = 2;
const RUN = { model: { name: 'm', version: '1', digest: 'sha256:0' }, task: 'any', parameters: {} };
const PREDICTION: Prediction = {
  image: { width: 1, height: 1, format: 'png' },
  answer: {},
};

type Predict = (name: string, signal: AbortSignal, inFlight: number) => Promise<Prediction>;

/** Takes 50 images through a model that answers as it is told. */
function run(predict: Predict, options: Partial<PredictAllOptions> = {}, cannotHeal = false) {
  const records: AnswerRecord[] = [];
  let [inFlight, most] = [0, 0];
  const predictor = {
    decoder: { lanes: DECODERS },
    inspect: (bytes: Uint8Array) => ({ bytes, onThread: true }),
    async predict({ bytes }: { bytes: Uint8Array }, { signal }: { signal: AbortSignal }) {
      inFlight += 1;
      most = Math.max(most, inFlight);
      try {
        return await predict(Buffer.from(bytes).toString(), signal, inFlight);
      } finally {
        inFlight -= 1;
      }
    },
  };
  const model = { predictor, cannotHeal, description: { workers: WORKERS, max_batch_size: BATCH } };
  const place = { read: async (name: string) => Buffer.from(name) } as unknown as ImagePlace;
  const names = Array.from({ length: 50 }, (_, index) => String(index));
  const ended = predictAll(
    names.map((name) => ({ name, place })),
    {
      model: model as unknown as ServingModel,
      limits: LIMITS,
      maxImageBytes: 100,
      run: RUN,
      output: { write: async (record: AnswerRecord) => void records.push(record) } as unknown as Output,
      pictures: undefined,
      stop: new AbortController().signal,
      onAnswered: () => undefined,
      ...options,
    },
  );
  return { ended, records, most: () => most };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('many images', () => {
  it('are answered each once, no more at once than keep all threads busy', async () => {
    const { ended, records, most } = run(async () => {
      await turn();
      return PREDICTION;
    });
    await ended;
    expect(new Set(records.map(({ file }) => file)).size).toBe(50);
    expect(records).toHaveLength(50);
    expect(most()).toBe(2 * (WORKERS * BATCH + DECODERS));
  });

  it('have the fault of another forgiven: what was lost with a thread is tried once more, alone', async () => {
    const alone: number[] = [];
    const seen = new Set<string>();
    const { ended, records } = run(async (name, _, inFlight) => {
      await turn();
      const isCulprit = name === '7';
      if (seen.has(name)) alone.push(inFlight);
      if (isCulprit || (Number(name) < 10 && !seen.has(name))) {
        seen.add(name);
        throw new ServiceError('WORKER_LOST', 'The thread was lost.');
      }
      return PREDICTION;
    });
    await ended;
    expect(records).toHaveLength(50);
    expect(records.filter(({ error }) => error !== undefined).map(({ file }) => file)).toEqual(['7']);
    expect(alone).toEqual(Array(10).fill(1));
  });

  it('are answered but for one that nobody was prepared for', async () => {
    const { ended, records } = run(async (name) => {
      if (name === '7') throw new Error('not prepared for this');
      return PREDICTION;
    });
    await ended;
    expect(records.flatMap(({ file, error }) => (error ? [`${file} ${error.code}`] : []))).toEqual([
      '7 INTERNAL',
    ]);
    expect(records).toHaveLength(50);
  });

  it('end where nothing is left that could answer, rather than wait for ever', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const { ended, records } = run(
        (_, signal) =>
          new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
        {},
        true,
      );
      const refusal = expect(ended).rejects.toThrow(CannotGoOn);
      await vi.advanceTimersByTimeAsync(2000);
      await refusal;
      expect(records).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('end with what was begun where they are stopped, or cannot be written', async () => {
    const stop = new AbortController();
    const stopped = run(
      async () => {
        stop.abort();
        await turn();
        return PREDICTION;
      },
      { stop: stop.signal },
    );
    await stopped.ended;
    expect(stopped.records.length).toBe(stopped.most());
    const write = () => Promise.reject(new CannotGoOn('full'));
    const full = run(async () => PREDICTION, { output: { write } as unknown as Output });
    await expect(full.ended).rejects.toThrow(CannotGoOn);
  });
});
