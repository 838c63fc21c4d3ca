import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, onTestFinished } from 'vitest';
import { type App, createApp } from '../../app.js';
import { readConfig } from '../../config.js';
import { meanColourModel, writeModelFolder } from './models.js';
import type { OnnxModel } from './onnx.js';

const UV_THREADS = 4;
/** One of everything: threads and processes are what takes time. */
const QUICK_TO_START = { LOG_LEVEL: 'silent', WORKERS: '1', DECODE_CONCURRENCY: '1' };

/** The whole service in this process, with its model loaded; requests go in by `server.inject`. Gone when the test ends. */
export async function startApp(environment: Record<string, string> = {}): Promise<App> {
  const app = await createAppFor(environment);
  await app.loadModel(new AbortController().signal);
  return app;
}

/** As startApp, before the model is loaded. */
export async function createAppFor(environment: Record<string, string> = {}): Promise<App> {
  const app = await create(environment);
  onTestFinished(() => close(app));
  return app;
}

/** One for all tests of a file; each with settings of its own starts its own. By default it answers mean colours. */
export class SharedApps {
  readonly #folder = mkdtemp(join(tmpdir(), 'cv-test-'));
  readonly #model: OnnxModel;
  readonly #manifest: Record<string, unknown> | undefined;
  #shared: Promise<App> | undefined;

  constructor(model: OnnxModel = meanColourModel(), manifest?: Record<string, unknown>) {
    this.#model = model;
    this.#manifest = manifest;
    afterAll(async () => {
      if (this.#shared !== undefined) await close(await this.#shared);
      await rm(await this.#folder, { recursive: true, force: true });
    });
  }

  async get(environment: Record<string, string> = {}): Promise<App> {
    const settings = { MODEL_URI: await writeModelFolder(this.#model, this.#manifest, await this.#folder) };
    if (Object.keys(environment).length > 0) return startApp({ ...settings, ...environment });
    this.#shared ??= create(settings).then(async (app) => {
      await app.loadModel(new AbortController().signal);
      return app;
    });
    return this.#shared;
  }
}

function create(environment: Record<string, string>): Promise<App> {
  const config = readConfig({ ...QUICK_TO_START, ...environment });
  return createApp({ config, logger: pino({ level: 'silent' }), uvThreads: UV_THREADS });
}

async function close(app: App): Promise<void> {
  for (const resource of app.resources) await resource.close();
}
