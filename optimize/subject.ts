import { join } from 'node:path';
import type { Config } from '../service/config.js';
import { preflight } from '../service/inference/preflight.js';
import { manifestOf } from '../service/model/derive/manifest-of.js';
import { fetchModel, type ModelFiles } from '../service/model/fetch-model.js';
import type { Manifest } from '../service/model/manifest.js';
import { type ModelSpec, resolveModelSpec } from '../service/model/model-spec.js';
import { fetchOptions } from '../service/serving/load-model.js';
import type { Load } from './engine-process.js';
import type { SampleImage } from './images.js';

/** The model that is to be optimised. */
export interface Subject {
  readonly files: ModelFiles;
  /** With all that was derived. */
  readonly manifest: Manifest;
  readonly spec: ModelSpec;
  /** The execution provider in use. */
  readonly provider: string;
  /** One thread: what a worker of the service has. */
  readonly load: Load;
}

/** An image whose answer the model is to be served with. */
export interface GoldenImage {
  /** In the manifest. */
  readonly file: string;
  readonly path: string;
}

const PICKED_GOLDEN = 4;

export async function loadSubject(config: Config): Promise<Subject> {
  const logger = {
    info: () => undefined,
    warn: (_: object, message: string) => console.error(`! ${message}`),
  };
  const signal = new AbortController().signal;
  const files = await fetchModel({ ...fetchOptions(config), logger, signal });
  const { modelPath } = files;
  const { executionProviders, intraOpThreads = 1 } = config;
  const options = { modelPath, executionProviders, intraOpThreads };
  const { engine } = await preflight(options, config.modelLoadTimeoutMs, signal);
  const { manifest } = await manifestOf(files, engine);
  const spec = resolveModelSpec(manifest, files.digest, engine);
  return { files, manifest, spec, provider: engine.provider, load: { ...options, manifest } };
}

/** Those of the manifest; of a model without any, a few of the others. */
export function goldenImages({ files, manifest }: Subject, others: readonly SampleImage[]): GoldenImage[] {
  const own = (manifest.golden ?? []).map(({ file }) => ({ file, path: join(files.directory, file) }));
  if (own.length > 0) return own;
  return others
    .slice(0, PICKED_GOLDEN)
    .map(({ path }, index) => ({ file: `golden/${index}${extensionOf(path)}`, path }));
}

function extensionOf(path: string): string {
  return /\.\w+$/.exec(path)?.[0] ?? '';
}
