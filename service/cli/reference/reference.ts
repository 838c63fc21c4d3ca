import { setMaxListeners } from 'node:events';
import { type Config, readConfig } from '../../config.js';
import { DOWNLOAD_LIMITS } from '../../model/download-limits.js';
import type { ServingModel } from '../../serving/serving-model.js';
import { ReferenceCounter } from '../../statistics/reference-counter.js';
import { readArguments } from '../arguments.js';
import type { Terminal } from '../command.js';
import { modelUri } from '../model-argument.js';
import { CannotGoOn, EXIT_CODES, UsageError } from '../outcome.js';
import { type ListedImage, listImages, openPlace } from '../predict/list-images.js';
import { loadOffline } from '../predict/offline-model.js';
import { refused } from '../predict/record.js';
import { WHOLE } from '../predict/shard.js';
import { Summary } from '../predict/summary.js';
import { manifestPath, writeReference } from './write-reference.js';

/** cv-inference reference: the model, its training pictures, what they and its answers are like. */
export async function reference(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values: flags, positionals } = readArguments(args, { write: { type: 'boolean' } });
  const [typed, ...images] = positionals;
  if (typed === undefined || images.length === 0) throw new UsageError('which model, and which pictures?');
  const uri = modelUri(typed);
  const target = flags.write === true ? await manifestPath(uri) : undefined;
  const config = readConfig({ ...terminal.env, INPUT_STATISTICS: 'true', MODEL_URI: uri });
  const summary = new Summary();
  const counter = await countAll(images, config, summary, terminal);
  terminal.stderr.write(`${summary.text(0, 0)}\n`);
  if (terminal.signal.aborted) return EXIT_CODES.stopped;
  if (counter.images === 0) throw new CannotGoOn('there is no picture that could be answered');
  if (target === undefined) terminal.stdout.write(`${JSON.stringify(counter.result(), undefined, 2)}\n`);
  else await writeReference(target, counter.result());
  return summary.failed > 0 ? EXIT_CODES.failedImages : EXIT_CODES.done;
}

async function countAll(
  typed: readonly string[],
  config: Config,
  summary: Summary,
  terminal: Terminal,
): Promise<ReferenceCounter> {
  const places = typed.map((image) => openPlace(image, imageOptions(config)));
  try {
    const images = await listImages(places, WHOLE);
    const { model } = await loadOffline(config, terminal);
    try {
      const counter = new ReferenceCounter(model.labels);
      const left = images[Symbol.iterator]();
      setMaxListeners(0, terminal.signal);
      const lane = () => countLane(left, { model, config, counter, summary, signal: terminal.signal });
      await Promise.all(Array.from({ length: lanesOf(model) }, lane));
      return counter;
    } finally {
      await model.close();
    }
  } finally {
    for (const place of places) place.close();
  }
}

/** As many at once as keep threads and decode processes busy. */
function lanesOf({ description, predictor }: ServingModel): number {
  return description.workers * description.max_batch_size + predictor.decoder.lanes;
}

interface Lane {
  readonly model: ServingModel;
  readonly config: Config;
  readonly counter: ReferenceCounter;
  readonly summary: Summary;
  readonly signal: AbortSignal;
}

/** Takes the next picture when the one before is counted. */
async function countLane(left: IterableIterator<ListedImage>, lane: Lane): Promise<void> {
  for (const image of left) {
    if (lane.signal.aborted) return;
    await count(image, lane);
  }
}

async function count(
  { name, place }: ListedImage,
  { model, config, counter, summary, signal }: Lane,
): Promise<void> {
  try {
    const inspected = model.predictor.inspect(await place.read(name, config.maxImageBytes));
    const prediction = await model.predictor.predict(inspected, { parameters: {}, signal });
    const { answer, statistics = {} } = prediction;
    counter.add(statistics, model.observe(answer));
    summary.count(name, { answer });
  } catch (error) {
    if (signal.aborted) return;
    summary.count(name, refused(error));
  }
}

function imageOptions({ awsEndpointUrlS3, s3ForcePathStyle, imageFormats }: Config) {
  const s3 = { endpoint: awsEndpointUrlS3, forcePathStyle: s3ForcePathStyle };
  return { ...s3, formats: imageFormats, attempts: DOWNLOAD_LIMITS.attempts };
}
