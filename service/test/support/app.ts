import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { type App, createApp } from '../../app.js';
import { readConfig } from '../../config.js';

const UV_THREADS = 4;
/** One of everything: threads and processes are what takes time. */
const QUICK_TO_START = { LOG_LEVEL: 'silent', WORKERS: '1', DECODE_CONCURRENCY: '1' };

/** The whole service in this process, with its model loaded; requests go in by `server.inject`. */
export async function startApp(environment: Record<string, string> = {}): Promise<App> {
  const app = await createAppFor(environment);
  await app.loadModel(new AbortController().signal);
  return app;
}

/** As startApp, before the model is loaded. */
export async function createAppFor(environment: Record<string, string> = {}): Promise<App> {
  const config = readConfig({ ...QUICK_TO_START, ...environment });
  const app = await createApp({ config, logger: pino({ level: 'silent' }), uvThreads: UV_THREADS });
  onTestFinished(async () => {
    for (const resource of app.resources) await resource.close();
  });
  return app;
}
