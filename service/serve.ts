import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { App, AppOptions, Core } from './app.js';
import { type Config, describeConfig, readConfig } from './config.js';
import { messageOf, ServiceError } from './errors.js';
import { haveEnded, type Threads, watchThreads } from './exit.js';
import { letHeapsGrow } from './heap-growth.js';
import type { HttpServer } from './http/server.js';
import type { DrainOutcome } from './lifecycle.js';
import { uvThreads } from './machine.js';
import { listenForSignals, type Signals } from './signals.js';
import { giveBackFreedPages, giveBackSpareHeap } from './spare-memory.js';
import type { LogSink } from './telemetry/log-sink.js';
import { createLogger, type Logger, openLog } from './telemetry/logging.js';
import { unlessAborted } from './unless-aborted.js';

/** How long the end waits for a reader of the log, milliseconds. */
const LAST_LINES_MS = 1000;
/** How long a model that is being loaded may take to stop, milliseconds: a little longer than its runs may to end. */
const LOAD_STOP_MS = 6000;
/** Making the servers keeps this thread busy: what is on this machine is handed to other threads before, milliseconds. */
const HEAD_START_MS = 50;
/** Garbage of a peak that is worth a pause of the main thread. */
const SPARE_HEAP_BYTES = 32 * 1024 * 1024;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The service, from its settings to its end by a signal: config -> app -> listen -> load -> drain. It listens to signals
 * and logs to stdout by itself.
 * @returns the exit code: 0 drained, 1 could not start or was aborted; where a run goes on that cannot be ended see exit.ts
 */
export async function serve(environment: Environment): Promise<number> {
  const log = openLog();
  const code = await serveAndLog(environment, log);
  await log.flush(LAST_LINES_MS);
  return code;
}

async function serveAndLog(environment: Environment, log: LogSink): Promise<number> {
  let logger = await createLogger({ level: 'info', format: 'json' }, log);
  try {
    const config = readConfig(environment);
    logger = await createLogger({ level: config.logLevel, format: config.logFormat }, log);
    return await run(config, logger, {
      uvThreads: uvThreads(environment['UV_THREADPOOL_SIZE']),
      droppedLogLines: () => log.droppedLines,
    });
  } catch (error) {
    logFatal(logger, error);
    return 1;
  }
}

async function run(
  config: Config,
  logger: Logger,
  surroundings: Pick<AppOptions, 'uvThreads' | 'droppedLogLines'>,
): Promise<number> {
  logger.info({ node: process.version, pid: process.pid, config: describeConfig(config) }, 'starting');
  letHeapsGrow();
  const threads = watchThreads();
  const signals = listenForSignals();
  logInsteadOfStderr(logger, signals);
  // The rest of the service takes a while to load, and a signal that nobody listens to is lost on process 1.
  const { createApp, createCore } = await import('./app.js');
  const options = { config, logger, ...surroundings };
  const core = createCore(options);
  const loading = startLoading(core, signals);
  await Promise.race([loading.fetched, pause(HEAD_START_MS)]);
  const app = await listening(createApp(options, core), config, logger).catch(async (error: unknown) => {
    await loading.abort();
    throw error;
  });
  const isServing = await load(app, loading, signals, threads);
  if (isServing) giveBackSpareMemory();
  if (isServing && !signals.stop.aborted) await once(signals.stop, 'abort');
  logger.info({ signal: signals.first }, 'draining');
  // A person at a terminal is not a load balancer, and none sends anything to what was never ready.
  const outcome = await drain(
    app,
    { signals, threads },
    signals.first === 'SIGINT' || !isServing ? 0 : config.drainDelayMs,
    config.drainTimeoutMs,
  );
  logger[outcome === 'drained' ? 'info' : 'error']({}, outcome);
  return outcome === 'drained' ? 0 : 1;
}

function giveBackSpareMemory(): void {
  giveBackSpareHeap(SPARE_HEAP_BYTES);
  giveBackFreedPages();
}

/** A model that other threads and processes load meanwhile. */
interface Loading {
  readonly fetched: Promise<void>;
  readonly done: Promise<void>;
  /** Settles once it has stopped, or takes too long to. */
  abort(): Promise<void>;
}

function startLoading(core: Core, signals: Signals): Loading {
  const given = new AbortController();
  const late = new AbortController();
  const stop = AbortSignal.any([signals.stop, given.signal]);
  stop.addEventListener('abort', () => void setTimeout(() => late.abort(), LOAD_STOP_MS));
  let done = Promise.resolve();
  const fetched = new Promise<void>((resolve) => {
    done = unlessAborted(core.loadModel(stop, resolve), AbortSignal.any([signals.abort, late.signal]));
    done.catch(() => resolve());
  });
  return {
    fetched,
    done,
    async abort() {
      given.abort();
      await done.catch(() => undefined);
    },
  };
}

/** Whether the model was loaded; not where a signal came first, whatever loading may hang in. */
async function load(app: App, { done }: Loading, signals: Signals, threads: Threads): Promise<boolean> {
  try {
    await done;
    return true;
  } catch (error) {
    if (signals.stop.aborted) return false;
    await drain(app, { signals, threads }, 0, 1000);
    throw error;
  }
}

/** `stuck` also where a thread goes on that no resource of the app's knows: one of a model that could not start. */
async function drain(
  app: App,
  { signals, threads }: { readonly signals: Signals; readonly threads: Threads },
  delayMs: number,
  timeoutMs: number,
): Promise<DrainOutcome> {
  const { resources, lifecycle } = app;
  const outcome = await lifecycle.drain({ delayMs, timeoutMs, resources, abort: signals.abort });
  return (await haveEnded(threads)) ? outcome : 'stuck';
}

async function listening(created: Promise<App>, config: Config, logger: Logger): Promise<App> {
  const app = await created;
  const bind = async (server: HttpServer, port: number): Promise<string> => {
    try {
      return await server.listen({ host: config.host, port });
    } catch (cause) {
      throw new ServiceError(
        'CONFIG_INVALID',
        `Cannot listen on ${config.host}:${port}: ${messageOf(cause)}`,
        { cause },
      );
    }
  };
  const management =
    app.managementServer && config.managementPort !== undefined
      ? await bind(app.managementServer, config.managementPort)
      : undefined;
  logger.info({ address: await bind(app.server, config.port), management }, 'listening');
  return app;
}

/**
 * Node's own warnings, those of libraries, and what nobody caught become log lines: a write to stderr waits for its
 * reader.
 */
function logInsteadOfStderr(logger: Logger, signals: Signals): void {
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => logger.warn({ source: name }, message));
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'INTERNAL: the service is in an unknown state and ends');
    signals.giveUp();
  });
}

function logFatal(logger: Logger, error: unknown): void {
  if (error instanceof ServiceError) logger.fatal({ code: error.code }, `${error.code}: ${error.message}`);
  else logger.fatal({ err: error }, 'INTERNAL: the service could not start');
}
