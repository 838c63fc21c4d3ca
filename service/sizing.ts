import type { Machine } from './machine.js';

/** What one model takes of the machine. */
export interface ModelSizing {
  readonly workers: number;
  readonly intraOpThreads: number;
  readonly decodeConcurrency: number;
  readonly maxBatchSize: number;
  /** Plain JPEGs are decoded by the workers: these fill the cores, and what they decode stays in the cache for the run. */
  readonly workersDecode: boolean;
}

/** What may be under way in the process at once, whatever it is for. */
export interface ProcessLimits {
  readonly maxInFlightImages: number;
  readonly maxInFlightBytes: number;
  readonly maxQueueBytes: number;
}

/** What was configured; the rest is chosen. */
type Chosen<Sizes> = { readonly [Size in keyof Sizes]?: Sizes[Size] | undefined };

/** Beyond this a batch on a CPU costs more per image than it saves (measured: docs/decisions/0002-pull-batching.md). */
const CPU_BATCH_SIZE = 4;
const GPU_BATCH_SIZE = 32;
/** Images in flight per core: far more than any wait allows, for what the estimate does not know. */
const IN_FLIGHT_PER_CORE = 1024;
/** What waits for a worker may take this share of the memory, and no more than this. */
const QUEUE_SHARE = 1 / 8;
const MOST_QUEUE_BYTES = 128 * 1024 * 1024;
/**
 * What has arrived of the bodies may take this share: slow and large uploads would otherwise fill any memory. They take
 * about three times as much for a moment: pieces, joined, and garbage that is not collected yet.
 */
const BODIES_SHARE = 1 / 8;

export function limitProcess(
  { cores, memoryBytes }: Pick<Machine, 'cores' | 'memoryBytes'>,
  chosen: Chosen<ProcessLimits>,
): ProcessLimits {
  return {
    maxInFlightImages: chosen.maxInFlightImages ?? IN_FLIGHT_PER_CORE * wholeCores(cores),
    maxInFlightBytes: chosen.maxInFlightBytes ?? Math.floor(memoryBytes * BODIES_SHARE),
    maxQueueBytes: chosen.maxQueueBytes ?? Math.floor(Math.min(MOST_QUEUE_BYTES, memoryBytes * QUEUE_SHARE)),
  };
}

/**
 * One worker and one thread in it per core, or one worker in front of a GPU.
 * @param provider the execution provider that the model really gets
 */
export function sizeModel(
  { cores, uvThreads }: Pick<Machine, 'cores' | 'uvThreads'>,
  provider: string,
  chosen: Chosen<ModelSizing>,
): ModelSizing {
  const usesGpu = provider !== 'cpu';
  const whole = wholeCores(cores);
  const workers = chosen.workers ?? (usesGpu ? 1 : whole);
  return {
    workers,
    workersDecode: workers >= whole && !usesGpu,
    intraOpThreads: chosen.intraOpThreads ?? Math.max(1, Math.floor(whole / workers)),
    decodeConcurrency: chosen.decodeConcurrency ?? Math.min(Math.max(1, Math.ceil(cores)), uvThreads),
    maxBatchSize: chosen.maxBatchSize ?? (usesGpu ? GPU_BATCH_SIZE : CPU_BATCH_SIZE),
  };
}

/** Why a model was sized so, for the log. */
export function sizingReason(
  { cores }: Pick<Machine, 'cores'>,
  provider: string,
  { workers, intraOpThreads }: Chosen<ModelSizing>,
): string {
  if (workers !== undefined || intraOpThreads !== undefined) return 'WORKERS or INTRA_OP_THREADS is set';
  if (provider !== 'cpu') return 'one worker in front of what it computes on';
  return `one worker with one thread for each of ${wholeCores(cores)} cores`;
}

function wholeCores(cores: number): number {
  return Math.max(1, Math.floor(cores));
}
