import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { STAGES, type StageTimings } from './stage-timings.js';

/** 1 ms to 20 s: one scale fits a health check and an overloaded queue. The latency objective, 0.5 s, is one of them. */
const LATENCY_BUCKETS_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20];
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128];
const CONFIDENCE_BUCKETS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1];
/** A label set stays closed: a model with more classes than this is counted as `other`. */
const MAX_LABEL_VALUES = 100;

const IMAGE_OUTCOMES = ['ok', 'client_error', 'refused', 'deadline', 'disconnected', 'server_error'] as const;

export interface LiveValues {
  readonly ready: boolean;
  readonly queuedImages: number;
  readonly queuedBytes: number;
  readonly slots: number;
  readonly decodesActive: number;
  readonly decodesWaiting: number;
  readonly inFlightImages: number;
  readonly inFlightLimitImages: number;
  readonly inFlightBytes: number;
  readonly expectedWaitSeconds: number;
  readonly expectedWaitLimitSeconds: number;
  readonly cpuThrottledPeriods: number;
  readonly droppedLogLines: number;
}

/** Every metric of the service, declared once. */
export class Metrics {
  readonly registry = new Registry();
  readonly #registers = [this.registry];

  readonly httpRequests = new Counter({
    name: 'cv_http_requests_total',
    help: 'Requests answered, by route and status',
    labelNames: ['method', 'route', 'status'],
    registers: this.#registers,
  });
  readonly httpDuration = new Histogram({
    name: 'cv_http_request_duration_seconds',
    help: 'Time from the request line to the last byte of the answer',
    labelNames: ['method', 'route', 'status'],
    buckets: LATENCY_BUCKETS_SECONDS,
    registers: this.#registers,
  });
  readonly stageDuration = new Histogram({
    name: 'cv_stage_duration_seconds',
    help: 'Time of one image in each stage',
    labelNames: ['stage'],
    buckets: LATENCY_BUCKETS_SECONDS,
    registers: this.#registers,
  });
  readonly batchSize = new Histogram({
    name: 'cv_batch_size_images',
    help: 'Images per run of the model',
    buckets: BATCH_BUCKETS,
    registers: this.#registers,
  });
  readonly images = new Counter({
    name: 'cv_images_total',
    help: 'Images by what became of them',
    labelNames: ['outcome'],
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
    help: 'Images by their best label (models with more than 100 labels: other)',
    labelNames: ['label'],
    registers: this.#registers,
  });
  readonly confidence = new Histogram({
    name: 'cv_prediction_confidence_ratio',
    help: 'Score of the best label of an image',
    buckets: CONFIDENCE_BUCKETS,
    registers: this.#registers,
  });
  readonly queueImages = this.#gauge('cv_queue_images', 'Images that wait for a worker');
  readonly queueBytes = this.#gauge('cv_queue_bytes', 'Files and pixels that wait for a worker');
  readonly inFlight = this.#gauge('cv_in_flight_images', 'Images that have arrived and are not answered yet');
  readonly inFlightLimit = this.#gauge(
    'cv_in_flight_limit_images',
    'Images in flight at which requests are refused',
  );
  readonly inFlightBytes = this.#gauge(
    'cv_in_flight_bytes',
    'Bodies that have arrived, wholly or in part, and are not answered yet',
  );
  readonly expectedWait = this.#gauge(
    'cv_expected_wait_seconds',
    'How long an image that came now would wait for its answer',
  );
  readonly expectedWaitLimit = this.#gauge(
    'cv_expected_wait_limit_seconds',
    'Expected wait at which requests are refused',
  );
  readonly slots = this.#gauge('cv_inference_slots', 'Runs of the model that can be under way at once');
  readonly decodesActive = this.#gauge('cv_decodes_active', 'Images being decoded');
  readonly decodesWaiting = this.#gauge('cv_decodes_waiting', 'Images that wait to be decoded');
  readonly ready = this.#gauge('cv_ready', '1 while the service takes traffic, else 0');
  readonly modelLoad = this.#gauge('cv_model_load_seconds', 'Time to fetch, load, warm and check the model');
  readonly modelInfo = new Gauge({
    name: 'cv_model_info',
    help: '1, labelled with the model in use and the execution provider that really runs it',
    labelNames: ['name', 'version', 'digest', 'provider'],
    registers: this.#registers,
  });
  readonly workerRestarts = new Counter({
    name: 'cv_worker_restarts_total',
    help: 'Inference threads that were lost and replaced',
    labelNames: ['reason'],
    registers: this.#registers,
  });
  readonly decodeProcessRestarts = new Counter({
    name: 'cv_decode_process_restarts_total',
    help: 'Decode processes that were lost, or ended over a file, and replaced',
    registers: this.#registers,
  });
  readonly cpuThrottledPeriods = new Counter({
    name: 'cv_cpu_throttled_periods_total',
    help: 'Periods of the CPU quota, usually 100 ms, in which it was used up and everything stood still',
    registers: this.#registers,
  });
  readonly logLinesDropped = new Counter({
    name: 'cv_log_lines_dropped_total',
    help: 'Log lines that were given up because nobody read the log in time',
    registers: this.#registers,
  });
  readonly buildInfo = new Gauge({
    name: 'cv_build_info',
    help: '1, labelled with the version of the service',
    labelNames: ['version'],
    registers: this.#registers,
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    for (const outcome of IMAGE_OUTCOMES) this.images.inc({ outcome }, 0);
    for (const reason of ['exited', 'failed', 'stuck']) this.workerRestarts.inc({ reason }, 0);
    for (const stage of STAGES) this.stageDuration.zero({ stage });
  }

  // Counters start at 0 where their labels are known: rate() and increase() do not see a first error that is a new series.

  startRoute(method: string, route: string, statuses: Iterable<number>): void {
    for (const status of statuses) this.httpRequests.inc({ method, route, status: String(status) }, 0);
    this.httpDuration.zero({ method, route, status: '200' });
  }

  startRejections(codes: readonly string[]): void {
    for (const code of codes) this.rejections.inc({ code }, 0);
  }

  startPredictions(labels: readonly string[]): void {
    for (const label of labels) this.predictions.inc({ label: labelValue(label, labels.length) }, 0);
  }

  /** Reads the gauges that change too often to be pushed. Called at each scrape. */
  observe(live: LiveValues): void {
    this.ready.set(live.ready ? 1 : 0);
    this.queueImages.set(live.queuedImages);
    this.queueBytes.set(live.queuedBytes);
    this.slots.set(live.slots);
    this.decodesActive.set(live.decodesActive);
    this.decodesWaiting.set(live.decodesWaiting);
    this.inFlight.set(live.inFlightImages);
    this.inFlightLimit.set(live.inFlightLimitImages);
    this.inFlightBytes.set(live.inFlightBytes);
    this.expectedWait.set(live.expectedWaitSeconds);
    this.expectedWaitLimit.set(live.expectedWaitLimitSeconds);
    // Counted by the kernel.
    this.cpuThrottledPeriods.reset();
    this.cpuThrottledPeriods.inc(live.cpuThrottledPeriods);
    this.logLinesDropped.reset();
    this.logLinesDropped.inc(live.droppedLogLines);
  }

  recordStages(timings: StageTimings): void {
    for (const stage of STAGES) this.stageDuration.observe({ stage }, timings[stage] / 1000);
  }

  recordPrediction(best: { label: string; score: number } | undefined, labels: number): void {
    if (best === undefined) return;
    this.predictions.inc({ label: labelValue(best.label, labels) });
    this.confidence.observe(best.score);
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: this.#registers });
  }
}

function labelValue(label: string, labels: number): string {
  return labels <= MAX_LABEL_VALUES ? label : 'other';
}
