import { readFile } from 'node:fs/promises';
import { type Config, readConfig } from '../../config.js';
import { messageOf } from '../../errors.js';
import { preflight } from '../../inference/preflight.js';
import type { EngineInfo } from '../../inference/runner.js';
import type { Derivation } from '../../model/derive/derive.js';
import { manifestOf } from '../../model/derive/manifest-of.js';
import { fetchModel, type ModelFiles } from '../../model/fetch-model.js';
import { type ModelSpec, resolveModelSpec } from '../../model/model-spec.js';
import { fetchOptions } from '../../serving/load-model.js';
import { readArguments } from '../arguments.js';
import type { Terminal } from '../command.js';
import { modelUri } from '../model-argument.js';
import { CannotGoOn, EXIT_CODES, UsageError } from '../outcome.js';
import { loadOffline } from '../predict/offline-model.js';
import { exampleAnswer } from './example-answer.js';
import { knownValues } from './known-values.js';
import { report } from './report.js';
import { writeManifest } from './write-manifest.js';

/** A model that is here, loaded once, with all that is known of it. */
interface Inspected {
  readonly files: ModelFiles;
  readonly engine: EngineInfo;
  readonly derivation: Derivation;
  readonly spec: ModelSpec;
}

/** cv-inference inspect: the model, what is known of it, an answer; then its model.json. */
export async function inspect(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values: flags, positionals } = readArguments(args, { write: { type: 'boolean' } }, 2);
  const [typed, image] = positionals;
  if (typed === undefined) throw new UsageError('which model?');
  const uri = modelUri(typed);
  if (flags.write === true && !isHere(uri)) throw new UsageError('--write is for models on this machine');
  const config = readConfig({ ...terminal.env, MODEL_URI: uri });
  try {
    const model = await look(config, terminal);
    const values = knownValues(model.derivation, model.spec);
    terminal.stdout.write(report(model.files, model.engine, values, model.derivation.warnings));
    terminal.stdout.write(
      image === undefined ? exampleText(model.spec) : await answerText(image, config, terminal),
    );
    if (flags.write === true) terminal.stdout.write(`\nwritten: ${await writeManifest(values, model)}\n`);
    return EXIT_CODES.done;
  } catch (error) {
    if (terminal.signal.aborted) return EXIT_CODES.stopped;
    throw error;
  }
}

function isHere(uri: string): boolean {
  return /^file:/i.test(uri) || !/^[a-z][a-z0-9+.-]+:\//i.test(uri);
}

async function look(config: Config, { stderr, signal }: Terminal): Promise<Inspected> {
  const logger = {
    info: () => undefined,
    warn: (_: object, message: string) => void stderr.write(`! ${message}\n`),
  };
  const files = await fetchModel({ ...fetchOptions(config), logger, signal });
  const { engine } = await preflight(
    { modelPath: files.modelPath, executionProviders: config.executionProviders, intraOpThreads: 1 },
    config.modelLoadTimeoutMs,
    signal,
  );
  const derivation = await manifestOf(files, engine);
  return { files, engine, derivation, spec: resolveModelSpec(derivation.manifest, files.digest, engine) };
}

function exampleText(spec: ModelSpec): string {
  return `an answer looks like this (values are made up):\n${JSON.stringify(exampleAnswer(spec), undefined, 2)}\n`;
}

/** By the flow of the service. Its warnings were shown already. */
async function answerText(image: string, config: Config, terminal: Terminal): Promise<string> {
  const bytes = await readFile(image).catch((error: unknown) => {
    throw new CannotGoOn(`${image} cannot be read: ${messageOf(error)}`);
  });
  const quiet = { ...terminal, signal: terminal.signal, env: { LOG_LEVEL: 'error', ...terminal.env } };
  const { model } = await loadOffline({ ...config, logLevel: 'error' }, quiet);
  try {
    const { predictor } = model;
    const { answer } = await predictor.predict(predictor.inspect(bytes), {
      parameters: {},
      signal: terminal.signal,
    });
    return `${image} is answered with:\n${JSON.stringify(answer, undefined, 2)}\n`;
  } finally {
    await model.close();
  }
}
