import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type Metric,
  type OpenMetricsContentType,
  Registry,
} from 'prom-client';
import { BROKEN_REASONS, BrokenInput } from '../statistics/broken-input.js';
import { FEATURE_NAMES, FEATURES, type FeatureName } from '../statistics/features.js';
import type { ImageStatistics } from '../statistics/image-statistics.js';
import { comparable, type Reference } from '../statistics/reference.js';
import { CountsLater } from './counts-later.js';
import { IMAGE_OUTCOMES, type ImageRecord } from './request-record.js';
import { stagesOf, timingsOf, USUAL_STAGES } from './stages.js';
import { exemplarOf, type TraceContext } from './trace-context.js';

/** 1 ms to 20 s: one scale fits a health check and an overloaded queue. The latency objective, 0.5 s, is one of them. */
const LATENCY_BUCKETS_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20];
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128];
/** A label set stays closed: a model with more classes than this is counted as `other`. */
const MAX_LABEL_VALUES = 100;

const LOSS_REASONS = ['exited', 'failed', 'stuck'] as const;
type LossReason = (typeof LOSS_REASONS)[number];
const CAPTURE_REASONS = ['sampled', 'uncertain'] as const;
type CaptureReason = (typeof CAPTURE_REASONS)[number];
const DROP_REASONS = ['busy', 'too_large', 'duplicate', 'timed_out', 'failed', 'stopped'] as const;
type DropReason = (typeof DROP_REASONS)[number];
const VERDICTS = ['correct', 'wrong', 'unknown'] as const;
type Verdict = (typeof VERDICTS)[number];

/** A histogram whose buckets lead to a trace of what is counted in them. */
type TracedHistogram<Label extends string> = Histogram<Label | 'trace_id' | 'span_id'>;

/** What is read at each scrape, since it changes too often to be pushed. */
export interface Sources {
  readonly ready: () => boolean;
  readonly inFlightImages: () => number;
  readonly inFlightLimitImages: () => number;
  readonly inFlightBytes: () => number;
  readonly expectedWaitSeconds: () => number;
  readonly expectedWaitLimitSeconds: () => number;
  /** Counted by the kernel. */
  readonly cpuThrottledPeriods: () => number;
  readonly droppedLogLines: () => number;
  readonly capturePendingBytes: () => number;
  readonly models: () => readonly ModelSource[];
}

/** A model that is loaded. */
export interface ModelSource {
  readonly name: string;
  readonly slots: number;
  readonly queuedImages: number;
  readonly queuedBytes: number;
  readonly decodesActive: number;
  readonly decodesWaiting: number;
}

const NO_SOURCES: Sources = {
  ready: () => false,
  inFlightImages: () => 0,
  inFlightLimitImages: () => 0,
  inFlightBytes: () => 0,
  expectedWaitSeconds: () => 0,
  expectedWaitLimitSeconds: () => 0,
  cpuThrottledPeriods: () => 0,
  droppedLogLines: () => 0,
  capturePendingBytes: () => 0,
  models: () => [],
};

/** OpenMetrics alone has exemplars. */
export type MetricsFormat = 'prometheus' | 'openMetrics';

/** What is counted of a request, whatever it asks for. */
export interface EndedRequest {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
  readonly trace: TraceContext | undefined;
  /** Codes of all that was refused or failed, where it was to predict. */
  readonly rejections: readonly string[];
}

/** Every metric of the service, declared once. */
export class Metrics {
  readonly #formats = { prometheus: new Registry(), openMetrics: openMetricsRegistry() };
  /** That exemplars can be had from: metrics ask for one that could show them. */
  readonly #all = openMetricsRegistry();
  readonly #registers = [this.#all];
  readonly #sources: Sources;
  readonly later = new CountsLater();

  readonly httpRequests = new Counter({
    name: 'cv_http_requests_total',
    help: 'Requests answered, by route and status',
    labelNames: ['method', 'route', 'status'],
    registers: this.#registers,
  });
  readonly httpDuration: TracedHistogram<'method' | 'route' | 'status'> = new Histogram({
    name: 'cv_http_request_duration_seconds',
    help: 'Time from the request line to the last byte of the answer',
    labelNames: ['method', 'route', 'status'],
    buckets: LATENCY_BUCKETS_SECONDS,
    enableExemplars: true,
    registers: this.#registers,
  });
  readonly stageDuration: TracedHistogram<'model' | 'stage'> = new Histogram({
    name: 'cv_stage_duration_seconds',
    help: 'Time of one image in each stage',
    labelNames: ['model', 'stage'],
    buckets: LATENCY_BUCKETS_SECONDS,
    enableExemplars: true,
    registers: this.#registers,
  });
  readonly batchSize = new Histogram({
    name: 'cv_batch_size_images',
    help: 'Images per run of the model',
    labelNames: ['model'],
    buckets: BATCH_BUCKETS,
    registers: this.#registers,
  });
  readonly images = new Counter({
    name: 'cv_images_total',
    help: 'Images by what became of them',
    labelNames: ['model', 'outcome'],
    registers: this.#registers,
  });
  readonly rejections = new Counter({
    name: 'cv_rejections_total',
    help: 'Requests to predict, and images of batches, that got an error, by code',
    labelNames: ['code'],
    registers: this.#registers,
  });
  readonly predictions = new Counter({
    name: 'cv_predictions_total',
    help: 'Labels given: the best of each image, or one for each object (models with more than 100 labels: other)',
    labelNames: ['model', 'label'],
    registers: this.#registers,
  });
  readonly features = new Map(FEATURE_NAMES.map((name) => [name, this.#featureHistogram(name)]));
  readonly brokenInputs = new Counter({
    name: 'cv_input_broken_total',
    help: 'Images that are no picture of anything: blank, or the same as one of the last 64',
    labelNames: ['model', 'reason'],
    registers: this.#registers,
  });
  readonly referenceShare = new Gauge({
    name: 'cv_reference_share',
    help: "Share of the model's training pictures, or of its answers to them, above one edge and not above the next, 0 to 1",
    labelNames: ['model', 'feature', 'above', 'le'],
    registers: this.#registers,
  });
  readonly referenceLabelShare = new Gauge({
    name: 'cv_reference_label_share',
    help: 'Share of each label among the answers to training pictures (models with more than 100 labels: none)',
    labelNames: ['model', 'label'],
    registers: this.#registers,
  });
  readonly referenceImages = new Gauge({
    name: 'cv_reference_images',
    help: "How many training pictures the model's reference was made of",
    labelNames: ['model'],
    registers: this.#registers,
  });
  readonly queueImages = this.#modelGauge(
    'cv_queue_images',
    'Images that wait for a worker',
    (model) => model.queuedImages,
  );
  readonly queueBytes = this.#modelGauge(
    'cv_queue_bytes',
    'Files and pixels that wait for a worker',
    (model) => model.queuedBytes,
  );
  readonly inFlight = this.#gauge(
    'cv_in_flight_images',
    'Images that have arrived and are not answered yet',
    () => this.#sources.inFlightImages(),
  );
  readonly inFlightLimit = this.#gauge(
    'cv_in_flight_limit_images',
    'Images in flight at which requests are refused',
    () => this.#sources.inFlightLimitImages(),
  );
  readonly inFlightBytes = this.#gauge(
    'cv_in_flight_bytes',
    'Bodies that have arrived, wholly or in part, and are not answered yet',
    () => this.#sources.inFlightBytes(),
  );
  readonly expectedWait = this.#gauge(
    'cv_expected_wait_seconds',
    'How long an image that came now would wait for its answer',
    () => this.#sources.expectedWaitSeconds(),
  );
  readonly expectedWaitLimit = this.#gauge(
    'cv_expected_wait_limit_seconds',
    'Expected wait at which requests are refused',
    () => this.#sources.expectedWaitLimitSeconds(),
  );
  readonly slots = this.#modelGauge(
    'cv_inference_slots',
    'Runs of the model that can be under way at once',
    (model) => model.slots,
  );
  readonly decodesActive = this.#modelGauge(
    'cv_decodes_active',
    'Images being decoded, or drawn on',
    (model) => model.decodesActive,
  );
  readonly decodesWaiting = this.#modelGauge(
    'cv_decodes_waiting',
    'Images that wait to be decoded, or drawn on',
    (model) => model.decodesWaiting,
  );
  readonly ready = this.#gauge('cv_ready', '1 while the service takes traffic, else 0', () =>
    Number(this.#sources.ready()),
  );
  readonly modelLoad = new Gauge({
    name: 'cv_model_load_seconds',
    help: 'Time to fetch, load, warm and check the model',
    labelNames: ['model'],
    registers: this.#registers,
  });
  readonly modelInfo = new Gauge({
    name: 'cv_model_info',
    help: '1, labelled with the model in use and the execution provider that really runs it',
    labelNames: ['name', 'version', 'digest', 'provider'],
    registers: this.#registers,
  });
  readonly workerRestarts = new Counter({
    name: 'cv_worker_restarts_total',
    help: 'Inference threads that were lost and replaced',
    labelNames: ['model', 'reason'],
    registers: this.#registers,
  });
  readonly decodeProcessRestarts = new Counter({
    name: 'cv_decode_process_restarts_total',
    help: 'Decode processes that were lost, or ended over a file, and replaced',
    labelNames: ['model'],
    registers: this.#registers,
  });
  readonly cpuThrottledPeriods = this.#counter(
    'cv_cpu_throttled_periods_total',
    'Periods of the CPU quota, usually 100 ms, in which it was used up and everything stood still',
    () => this.#sources.cpuThrottledPeriods(),
  );
  readonly logLinesDropped = this.#counter(
    'cv_log_lines_dropped_total',
    'Log lines that were given up because nobody read the log in time',
    () => this.#sources.droppedLogLines(),
  );
  readonly captures = new Counter({
    name: 'cv_capture_images_total',
    help: 'Images that were kept with their answers, by why: chance took them, or the model was uncertain',
    labelNames: ['model', 'why'],
    registers: this.#registers,
  });
  readonly capturesDropped = new Counter({
    name: 'cv_capture_dropped_total',
    help: 'Images that were to be kept and are not: too much waits (busy), too large, an id seen before (duplicate), or the storage',
    labelNames: ['model', 'reason'],
    registers: this.#registers,
  });
  readonly capturePending = this.#gauge(
    'cv_capture_pending_bytes',
    'Images and records that wait to be kept',
    () => this.#sources.capturePendingBytes(),
  );
  readonly feedback = new Counter({
    name: 'cv_feedback_total',
    help: 'Answers that somebody has judged, each once, by whether they were right; unknown: the answer is not known here any more',
    labelNames: ['model', 'verdict'],
    registers: this.#registers,
  });
  readonly buildInfo = new Gauge({
    name: 'cv_build_info',
    help: '1, labelled with the version of the service',
    labelNames: ['version'],
    registers: this.#registers,
  });

  constructor(sources: Sources = NO_SOURCES) {
    this.#sources = sources;
    collectDefaultMetrics({ register: this.#all });
    for (const metric of this.#all.getMetricsAsArray() as unknown as Metric[]) {
      this.#formats.prometheus.registerMetric(metric);
      this.#formats.openMetrics.registerMetric(withoutTotal(metric));
    }
  }

  contentType(format: MetricsFormat): string {
    return this.#formats[format].contentType;
  }

  /** All of them, as they are now. */
  text(format: MetricsFormat = 'prometheus'): Promise<string> {
    this.later.makeAll();
    return this.#formats[format].metrics();
  }

  // Counters start at 0 where their labels are known: rate() and increase() do not see a first error that is a new series.

  startRoute(method: string, route: string, statuses: Iterable<number>): void {
    for (const status of statuses) this.httpRequests.inc({ method, route, status: String(status) }, 0);
    this.httpDuration.zero({ method, route, status: '200' });
  }

  startRejections(codes: readonly string[]): void {
    for (const code of codes) this.rejections.inc({ code }, 0);
  }

  /** A request is over. Its images were counted when they were. */
  requestEnded(request: EndedRequest): void {
    this.later.add(() => this.#count(request));
    this.later.makeIfEnough();
  }

  #count({ method, route, status, seconds, trace, rejections }: EndedRequest): void {
    const labels = { method, route, status: String(status) };
    this.httpRequests.inc(labels);
    this.httpDuration.observe({ labels, value: seconds, exemplarLabels: exemplarOf(trace) });
    for (const code of rejections) this.rejections.inc({ code });
  }

  captured(model: string, why: CaptureReason): void {
    this.captures.inc({ model, why });
  }

  captureDropped(model: string, reason: DropReason): void {
    this.capturesDropped.inc({ model, reason });
  }

  judged(model: string, verdict: Verdict): void {
    this.feedback.inc({ model, verdict });
  }

  forModel(name: string): ModelMetrics {
    return new ModelMetrics(this, name);
  }

  #featureHistogram(name: FeatureName): Histogram<'model'> {
    const { metric, help, buckets } = FEATURES[name];
    const labelNames = ['model'] as const;
    return new Histogram({
      name: metric,
      help,
      labelNames,
      buckets: [...buckets],
      registers: this.#registers,
    });
  }

  #gauge(name: string, help: string, read: () => number): Gauge {
    const collect = function (this: Gauge): void {
      this.set(read());
    };
    return new Gauge({ name, help, registers: this.#registers, collect });
  }

  #modelGauge(name: string, help: string, read: (model: ModelSource) => number): Gauge<'model'> {
    const models = () => this.#sources.models();
    const collect = function (this: Gauge<'model'>): void {
      this.reset();
      for (const model of models()) this.set({ model: model.name }, read(model));
    };
    return new Gauge({ name, help, labelNames: ['model'], registers: this.#registers, collect });
  }

  /** Of what something else counts. */
  #counter(name: string, help: string, read: () => number): Counter {
    const collect = function (this: Counter): void {
      this.reset();
      this.inc(read());
    };
    return new Counter({ name, help, registers: this.#registers, collect });
  }
}

/** What becomes of the images of one model. */
export class ModelMetrics {
  readonly #all: Metrics;
  readonly #model: string;
  readonly #brokenInput = new BrokenInput();
  #labels = 0;

  constructor(all: Metrics, model: string) {
    this.#all = all;
    this.#model = model;
    for (const outcome of IMAGE_OUTCOMES) all.images.inc({ model, outcome }, 0);
    for (const reason of LOSS_REASONS) all.workerRestarts.inc({ model, reason }, 0);
    for (const stage of USUAL_STAGES) all.stageDuration.zero({ model, stage });
    all.decodeProcessRestarts.inc({ model }, 0);
    for (const why of CAPTURE_REASONS) all.captures.inc({ model, why }, 0);
    for (const reason of DROP_REASONS) all.capturesDropped.inc({ model, reason }, 0);
    for (const verdict of VERDICTS) all.feedback.inc({ model, verdict }, 0);
    for (const name of FEATURE_NAMES) all.features.get(name)?.zero({ model });
    for (const reason of BROKEN_REASONS) all.brokenInputs.inc({ model, reason }, 0);
  }

  /** Labels that answers may have. */
  startLabels(labels: readonly string[]): void {
    this.#labels = labels.length;
    for (const label of labels)
      this.#all.predictions.inc({ model: this.#model, label: this.#valueOf(label) }, 0);
  }

  /** What drift is measured against. @returns features that cannot be compared, since their edges are others */
  startReference(reference: Reference): readonly string[] {
    const model = this.#model;
    const { usable, others } = comparable(reference);
    this.#all.referenceImages.set({ model }, reference.images);
    for (const [feature, { buckets, share }] of usable) {
      for (const [index, value] of share.entries()) {
        const [above, le] = [buckets[index - 1] ?? '-Inf', buckets[index] ?? '+Inf'];
        this.#all.referenceShare.set({ model, feature, above, le }, value);
      }
    }
    if (this.#labels <= MAX_LABEL_VALUES)
      for (const [label, value] of Object.entries(reference.labels ?? {}))
        this.#all.referenceLabelShare.set({ model, label }, value);
    return others;
  }

  ranBatch(images: number): void {
    this.#all.later.add(() => this.#all.batchSize.observe({ model: this.#model }, images));
  }

  ended(image: ImageRecord, trace?: TraceContext): void {
    this.#all.later.add(() => this.#count(image, trace));
  }

  #count(image: ImageRecord, trace: TraceContext | undefined): void {
    const model = this.#model;
    this.#all.images.inc({ model, outcome: image.outcome });
    if (image.outcome !== 'ok') return;
    const { labels, scores } = image.observed;
    const exemplarLabels = exemplarOf(trace);
    for (const [stage, ms] of stagesOf(timingsOf(image.spans)))
      this.#all.stageDuration.observe({ labels: { model, stage }, value: ms / 1000, exemplarLabels });
    for (const label of labels) this.#all.predictions.inc({ model, label: this.#valueOf(label) });
    for (const score of scores) this.#all.features.get('confidence')?.observe({ model }, score);
    if (image.statistics !== undefined) this.#countStatistics(image.statistics);
  }

  #countStatistics(statistics: ImageStatistics): void {
    const model = this.#model;
    for (const name of FEATURE_NAMES) {
      const value = name === 'confidence' ? undefined : statistics[name];
      if (value !== undefined) this.#all.features.get(name)?.observe({ model }, value);
    }
    const reason = this.#brokenInput.reasonFor(statistics);
    if (reason !== undefined) this.#all.brokenInputs.inc({ model, reason });
  }

  lostWorker(reason: LossReason): void {
    this.#all.workerRestarts.inc({ model: this.#model, reason });
  }

  lostDecodeProcess(): void {
    this.#all.decodeProcessRestarts.inc({ model: this.#model });
  }

  loaded(
    seconds: number,
    { version, digest, provider }: { version: string; digest: string; provider: string },
  ): void {
    this.#all.modelLoad.set({ model: this.#model }, seconds);
    this.#all.modelInfo.set({ name: this.#model, version, digest, provider }, 1);
  }

  #valueOf(label: string): string {
    return this.#labels <= MAX_LABEL_VALUES ? label : 'other';
  }
}

/**
 * The same metric for a registry of OpenMetrics, where the name of a counter lacks `_total` and its samples have it: to
 * write that, prom-client takes the suffix off the metric itself, for all registries.
 */
function withoutTotal(metric: Metric): Metric {
  const { name, ...rest } = metric as Metric & { readonly name: string };
  const get = async () => ({ ...(await metric.get()), name: name.replace(/_total$/, '') });
  return { ...rest, name, get } as unknown as Metric;
}

function openMetricsRegistry(): Registry<OpenMetricsContentType> {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  return registry;
}
