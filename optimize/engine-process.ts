import { messageOf } from '../service/errors.js';
import { PreparedModel } from '../service/inference/prepared-model.js';
import type { EngineInfo, Row, RowResult } from '../service/inference/runner.js';
import { createSession, type Session, type TensorData } from '../service/inference/session.js';
import type { Manifest } from '../service/model/manifest.js';
import { resolveModelSpec } from '../service/model/model-spec.js';

/** One model in a process of its own, with the service's preprocessing, session and interpretation; no threads, no HTTP. */
export interface Load {
  readonly modelPath: string;
  readonly manifest: Manifest;
  readonly executionProviders: readonly string[];
  readonly intraOpThreads: number;
}

export type Job =
  | { readonly type: 'load'; readonly load: Load }
  | { readonly type: 'answer'; readonly rows: readonly Row[] }
  | { readonly type: 'record'; readonly row: Row }
  | { readonly type: 'time'; readonly row: Row; readonly leastMs: number; readonly leastRuns: number };

/** The tensor that an image becomes. */
export interface Recorded {
  readonly data: TensorData;
  readonly shape: readonly number[];
  readonly maskShape: readonly number[] | undefined;
}

export interface Timed {
  /** Of one image in the engine, milliseconds: processor time where that computes, so that neighbours do not count. */
  readonly ms: number;
  /** Memory of this process, bytes. */
  readonly memoryBytes: number;
}

export interface Results {
  readonly load: EngineInfo;
  /** One for each row, each from a run of its own. */
  readonly answer: readonly RowResult[];
  readonly record: Recorded;
  readonly time: Timed;
}

let model: PreparedModel | undefined;
let recorded: Recorded | undefined;
/** In the engine so far, milliseconds. */
let engineMs = 0;

function loaded(): PreparedModel {
  if (model === undefined) throw new Error('no model is loaded');
  return model;
}

const WORK: {
  readonly [Type in keyof Results]: (job: Extract<Job, { type: Type }>) => Promise<Results[Type]>;
} = {
  async load({ load }) {
    const session = await createSession(load);
    const { plan } = resolveModelSpec(load.manifest, 'sha256:', session.engine);
    model = new PreparedModel(watched(session), plan);
    return session.engine;
  },
  async answer({ rows }) {
    const items: RowResult[] = [];
    for (const row of rows) items.push(...(await loaded().run([row])).items);
    return items;
  },
  async record({ row }) {
    await loaded().run([row]);
    if (recorded === undefined) throw new Error('the image did not become a tensor');
    return { ...recorded, data: recorded.data.slice() };
  },
  async time({ row, leastMs, leastRuns }) {
    engineMs = 0;
    let runs = 0;
    for (; runs < leastRuns || engineMs < leastMs; runs++) await loaded().run([row]);
    return { ms: engineMs / runs, memoryBytes: process.memoryUsage.rss() };
  },
};

/** The same session; the input of its last run is kept, and its time summed up. */
function watched(session: Session): Session {
  const now = session.engine.provider === 'cpu' ? processorMs : () => performance.now();
  return {
    engine: session.engine,
    async run(inputName, data, shape, outputNames, mask) {
      recorded = { data, shape, maskShape: mask?.shape };
      const startedAt = now();
      const outputs = await session.run(inputName, data, shape, outputNames, mask);
      engineMs += now() - startedAt;
      return outputs;
    },
  };
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

process.once('disconnect', () => process.exit(1));
process.on('message', (job: Job) => {
  (WORK[job.type] as (job: Job) => Promise<unknown>)(job).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ failure: messageOf(error) }),
  );
});
