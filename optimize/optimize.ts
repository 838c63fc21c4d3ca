import { stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '../service/bench/statistics.js';
import { modelUri } from '../service/cli/model-argument.js';
import { CannotGoOn } from '../service/cli/outcome.js';
import { loadOffline } from '../service/cli/predict/offline-model.js';
import { type Config, readConfig } from '../service/config.js';
import { readProcessor } from '../service/processor.js';
import type { Asked } from './arguments.js';
import { calibrationTensors, type Outcome, quantizeOptions, tryCandidates } from './candidates.js';
import { Engine } from './engine.js';
import { checkOut, writeFolder } from './folder.js';
import { listSampleImages, type SampleImage, type Split, splitImages } from './images.js';
import { type Labels, labelOf, readLabels } from './labels.js';
import { ownFolder } from './own-folder.js';
import { Pictures } from './pictures.js';
import { progress } from './progress.js';
import { checkPython } from './quantize.js';
import { type OptimizeReport, textOf } from './report.js';
import { MEASURES } from './score.js';
import { loadSubject, type Subject } from './subject.js';
import type { Yardstick } from './trial.js';
import { makeYardstick } from './yardstick.js';

/** Whether a model was written: candidates are made, each is measured against the original, and the best is kept. */
export async function optimize(asked: Asked, environment: NodeJS.ProcessEnv): Promise<boolean> {
  await checkOut(asked.out);
  await checkPython(asked.python);
  const config = readConfig({ ...environment, MODEL_URI: modelUri(asked.model) });
  const labels = asked.labels === undefined ? undefined : await readLabels(asked.labels);
  const subject = await loadSubject(config);
  const images = await sampleImages(asked, config, labels);
  const work = await ownFolder(join(tmpdir(), 'cv-inference-optimize-'));
  const engines = { original: await Engine.start(subject.load), pictures: picturesFor(subject, config) };
  try {
    const tensors = await calibrationTensors(images.calibrate, engines, work.path);
    const yardstick = await makeYardstick(subject, engines, images.prove, labels);
    const options = quantizeOptions(subject, { python: asked.python, tensors, folder: work.path });
    const outcome = await tryCandidates(options, yardstick, asked.maxLoss);
    const report = await reportOf(asked, subject, images, yardstick, outcome);
    progress('');
    console.log(textOf(report));
    const { kept, tools } = outcome;
    if (kept === undefined) return false;
    const output = { subject, kept, golden: yardstick.golden, tools, processor: readProcessor(), report };
    await writeFolder(asked.out, output, (written) => checkServes(written, environment));
    console.log(`\nwritten: ${asked.out}; MODEL_URI=${asked.out} npm start serves it`);
    return true;
  } finally {
    engines.original.end();
    await engines.pictures.close();
    work.remove();
  }
}

async function sampleImages(
  { images: folder }: Asked,
  { imageFormats }: Config,
  labels: Labels | undefined,
): Promise<Split<SampleImage>> {
  const images = await listSampleImages(folder, imageFormats);
  const split = splitImages(
    images,
    ({ name }) => labels === undefined || labelOf(labels, name) !== undefined,
  );
  if (split.calibrate.length > 0 && split.prove.length > 0) return split;
  const labelled = labels === undefined ? '' : ', too few of them with labels';
  throw new CannotGoOn(
    `${folder} has ${images.length} different images${labelled}: some to calibrate with and others to prove with are needed`,
  );
}

function picturesFor({ spec }: Subject, { imageFormats, maxImagePixels }: Config): Pictures {
  const { parameters = {} } = MEASURES[spec.task.name] ?? {};
  return new Pictures(spec.plan.input, imageFormats, maxImagePixels, parameters);
}

async function reportOf(
  asked: Asked,
  { files, spec }: Subject,
  images: Split<SampleImage>,
  { task, evidence }: Yardstick,
  { tried, failed, kept }: Outcome,
): Promise<OptimizeReport> {
  const { kind, model } = readProcessor();
  const silent = images.prove.length - evidence.length;
  return {
    date: new Date().toISOString(),
    node: process.version,
    runtime: createRequire(import.meta.url)('onnxruntime-node/package.json').version,
    processor: `${model}, ${kind}`,
    model: `${spec.name} ${spec.version}`,
    digest: spec.digest,
    command: commandOf(asked),
    measure: MEASURES[task]?.name ?? task,
    against: asked.labels === undefined ? "the original's answers" : 'labels',
    calibrated: images.calibrate.length,
    proved: evidence.length,
    maxLoss: asked.maxLoss,
    original: {
      ms: median(tried.flatMap(({ originalMs }) => originalMs)),
      memoryBytes: Math.max(0, ...tried.map(({ originalMemoryBytes }) => originalMemoryBytes)),
      fileBytes: (await stat(files.modelPath)).size,
    },
    trials: tried,
    failed,
    kept: kept?.name,
    warnings: silent > 0 ? [`${silent} images were not answered by the original and count for nothing.`] : [],
  };
}

function commandOf({ model, images, labels, maxLoss }: Asked): string {
  const labelled = labels === undefined ? '' : ` --labels ${labels}`;
  return `npm run optimize -- ${model} --images ${images}${labelled} --max-loss ${maxLoss}`;
}

/** Golden check included. */
async function checkServes(folder: string, environment: NodeJS.ProcessEnv): Promise<void> {
  const { stdout, stderr } = process;
  const signal = new AbortController().signal;
  const env = { ...environment, MODEL_URI: folder, MODEL_SHA256: '', LOG_LEVEL: 'error' };
  const { model } = await loadOffline(readConfig(env), { env, stdout, stderr, signal });
  await model.close();
}
