import type { TObject } from 'typebox';
import { type Config, readConfig } from '../../config.js';
import { DOWNLOAD_LIMITS } from '../../model/download-limits.js';
import type { Terminal } from '../command.js';
import { modelUri } from '../model-argument.js';
import { EXIT_CODES } from '../outcome.js';
import { openFileOutput } from './file-output.js';
import { formatFor } from './formats.js';
import { type ListedImage, listImages, openPlace } from './list-images.js';
import { loadOffline, type OfflineModel } from './offline-model.js';
import type { Output } from './output.js';
import { parametersFrom } from './parameters.js';
import { openPictures } from './pictures.js';
import { predictAll } from './predict-all.js';
import { showProgress } from './progress.js';
import type { RunInfo } from './record.js';
import { openS3Output } from './s3-output.js';
import { shardFile } from './shard.js';
import { streamOutput } from './stream-output.js';
import { Summary } from './summary.js';
import { readTyped, type Typed } from './typed.js';

/** What a run was asked for. */
interface Request {
  readonly typed: Typed;
  readonly config: Config;
  readonly terminal: Terminal;
}

/** cv-inference predict: the images, the model, where the answers go, then all of them. */
export async function predict(args: readonly string[], terminal: Terminal): Promise<number> {
  const typed = readTyped(args);
  const named = typed.model === '-' ? {} : { MODEL_URI: modelUri(typed.model) };
  const config = readConfig({ ...terminal.env, ...named });
  const places = typed.images.map((image) => openPlace(image, imageOptions(config)));
  try {
    const images = await listImages(places, typed.shard);
    const loaded = await loadOffline(config, terminal);
    return await withModel(loaded, () => answerAll(images, loaded, { typed, config, terminal }));
  } catch (error) {
    if (terminal.signal.aborted) return EXIT_CODES.stopped;
    throw error;
  } finally {
    for (const place of places) place.close();
  }
}

function imageOptions(config: Config) {
  const { awsEndpointUrlS3, s3ForcePathStyle, imageFormats } = config;
  const s3 = { endpoint: awsEndpointUrlS3, forcePathStyle: s3ForcePathStyle };
  return { ...s3, formats: imageFormats, attempts: DOWNLOAD_LIMITS.attempts };
}

async function withModel<T>({ model }: OfflineModel, use: () => Promise<T>): Promise<T> {
  try {
    const result = await use();
    await model.close();
    return result;
  } catch (error) {
    await model.destroy().catch(() => undefined);
    throw error;
  }
}

async function answerAll(
  images: readonly ListedImage[],
  loaded: OfflineModel,
  request: Request,
): Promise<number> {
  const { typed, config, terminal } = request;
  const { model } = loaded;
  const parameters = parametersFrom(typed.parameters, model.parameterSchema);
  const run: RunInfo = { model: model.reference, task: model.task, parameters };
  const pictures =
    typed.annotated === undefined
      ? undefined
      : await openPictures(typed.annotated, images, model, parameters);
  const output = await openOutput(request, run, model.answerSchema);
  const left = output.isFinished ? [] : images.filter(({ name }) => !output.done.has(name));
  const summary = new Summary();
  const isOnScreen = typed.out === undefined && terminal.stdout.isTTY === true;
  const progress = showProgress(terminal.stderr, left.length, isOnScreen);
  try {
    await predictAll(left, {
      ...loaded,
      maxImageBytes: config.maxImageBytes,
      run,
      output,
      pictures,
      stop: terminal.signal,
      onAnswered(file, image) {
        summary.count(file, image);
        progress.count(image.error !== undefined);
      },
    });
  } finally {
    progress.end();
    await output.close(summary.answered === left.length);
  }
  if (output.gone?.aborted) return EXIT_CODES.done;
  const before = images.length - left.length;
  terminal.stderr.write(`${summary.text(before, output.failedBefore)}\n`);
  if (summary.answered < left.length) {
    const rest = left.length - summary.answered;
    terminal.stderr.write(
      `cv-inference: ended by a signal; ${rest} images are left: ${output.whenStopped}\n`,
    );
    return EXIT_CODES.stopped;
  }
  const hasFailed = summary.failed + output.failedBefore > 0 && !typed.ignoreFailed;
  return hasFailed ? EXIT_CODES.failedImages : EXIT_CODES.done;
}

function openOutput({ typed, config, terminal }: Request, run: RunInfo, answer: TObject): Promise<Output> {
  const { out, shard } = typed;
  if (out === undefined) return streamOutput(terminal.stdout, formatFor('', answer));
  const isBucket = /^s3:\/\//i.test(out);
  const path = shardFile(isBucket && out.endsWith('/') ? `${out}answers.jsonl` : out, shard);
  const format = formatFor(path, answer);
  return isBucket ? openS3Output(path, format, run, imageOptions(config)) : openFileOutput(path, format, run);
}
