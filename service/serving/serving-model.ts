import type { TObject } from 'typebox';
import { MAX_PICTURE_SIDE, type PictureFormat } from '../drawing/shapes.js';
import type { WorkerPool } from '../inference/worker-pool.js';
import type { ModelSpec } from '../model/model-spec.js';
import type { ResolvedManifest } from '../model/resolved-manifest.js';
import type { PictureOrder, Predictor } from '../predict.js';
import type { Claim } from '../tasks/claim.js';
import type { Answer, Observation, Parameters } from '../tasks/task.js';
import type { ModelMetrics, ModelSource } from '../telemetry/metrics.js';
import type { TensorInfo } from '../tensor.js';

export interface ModelReference {
  readonly name: string;
  readonly version: string;
  /** `sha256:` of the ONNX file, or `sha256-files:` of that and its external data. */
  readonly digest: string;
}

/** What may be said of a model that serves. */
export interface ModelDescription extends ModelReference {
  readonly task: string;
  readonly manifest: ResolvedManifest;
  readonly tensors: { readonly input: TensorInfo; readonly outputs: readonly TensorInfo[] };
  readonly execution_provider: string;
  readonly workers: number;
  readonly max_batch_size: number;
  /** Of keypoints: names of points that have a line between them. */
  readonly skeleton?: readonly (readonly [from: string, to: string])[];
}

/** A picture that comes with a model. */
export interface Sample {
  readonly name: string;
  /** The file. Rejects where it is gone. */
  read(): Promise<Buffer>;
}

export interface ServingModelOptions {
  readonly workers: number;
  readonly maxBatchSize: number;
  readonly samples: readonly Sample[];
}

/** A model that is loaded, warmed and checked, with all that it needs to answer. */
export class ServingModel {
  readonly reference: ModelReference;
  readonly predictor: Predictor;
  readonly description: ModelDescription;
  /** Of what a request may ask of it. */
  readonly parameterSchema: TObject;
  /** Of the fields that it adds to a result. */
  readonly answerSchema: TObject;
  readonly metrics: ModelMetrics;
  /** Its golden images. */
  readonly samples: readonly Sample[];
  readonly #spec: ModelSpec;
  readonly #pool: WorkerPool;

  constructor(
    spec: ModelSpec,
    pool: WorkerPool,
    predictor: Predictor,
    metrics: ModelMetrics,
    options: ServingModelOptions,
  ) {
    const { name, version, digest, task, plan } = spec;
    this.reference = { name, version, digest };
    this.predictor = predictor;
    this.metrics = metrics;
    this.samples = options.samples;
    this.parameterSchema = task.parameterSchema(plan.task.spec);
    this.answerSchema = task.answerSchema(plan.task.spec);
    this.#spec = spec;
    this.#pool = pool;
    this.description = this.#describe(options);
  }

  get task(): string {
    return this.#spec.task.name;
  }

  get labels(): readonly string[] {
    return this.#spec.task.labels(this.#spec.plan.task.spec);
  }

  /** Runs that can be under way at once; 0 while no inference thread works. */
  get slots(): number {
    return this.#pool.slots;
  }

  /** Whether only a new process helps. */
  get cannotHeal(): boolean {
    return this.#pool.cannotHeal;
  }

  /** What gauges show. */
  get load(): ModelSource {
    const { batcher, decoder } = this.predictor;
    return {
      name: this.reference.name,
      slots: this.slots,
      queuedImages: batcher.queuedImages,
      queuedBytes: batcher.queuedBytes,
      decodesActive: decoder.active,
      decodesWaiting: decoder.waiting,
    };
  }

  /** What metrics show of an answer. */
  observe(answer: Answer): Observation {
    return this.#spec.task.observe(answer);
  }

  /** What an answer says of an image, to be held against feedback. */
  claim(answer: Answer): Claim | undefined {
    return this.#spec.task.claim?.(answer);
  }

  /** Whether there is anything to see of its answers. */
  get draws(): boolean {
    return this.#spec.task.draw !== undefined;
  }

  /**
   * To be given to the predictor where a picture is wanted; undefined where there is nothing to see of an answer.
   * @param parameters what is asked of the task
   */
  pictureOrder(
    format: PictureFormat,
    parameters: Parameters,
    maxSide = MAX_PICTURE_SIDE,
  ): PictureOrder | undefined {
    const { task } = this.#spec;
    const { draw } = task;
    if (draw === undefined) return undefined;
    return { format, maxSide, drawingOf: (answer) => draw.call(task, answer, parameters) };
  }

  /** Answers what is in flight, then releases everything. Idempotent. */
  async close(): Promise<void> {
    await this.predictor.batcher.close();
    await this.predictor.decoder.close();
    await this.#pool.close();
  }

  /** Drops what is in flight and releases everything now. Rejects where a run goes on. Idempotent. */
  async destroy(): Promise<void> {
    this.predictor.batcher.destroy();
    await Promise.all([this.predictor.decoder.destroy(), this.#pool.destroy()]);
  }

  #describe({ workers, maxBatchSize }: ServingModelOptions): ModelDescription {
    const { engine } = this.#pool;
    const { plan, manifest, task } = this.#spec;
    const skeleton = task.skeleton?.(plan.task.spec);
    const wanted = new Set(plan.outputs.map(({ name }) => name));
    const tensor = engine.inputs.find(({ name }) => name === plan.inputName);
    return {
      ...this.reference,
      task: this.task,
      manifest,
      tensors: {
        input: tensor ?? { name: plan.inputName, type: 'unknown', shape: [] },
        outputs: engine.outputs.filter(({ name }) => wanted.has(name)),
      },
      execution_provider: engine.provider,
      workers,
      max_batch_size: maxBatchSize,
      ...(skeleton && { skeleton }),
    };
  }
}
