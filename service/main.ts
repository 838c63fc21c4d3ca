import { once } from 'node:events';
import type { App } from './app.js';
import { type Config, configHelp, describeConfig, readConfig } from './config.js';
import { messageOf, ServiceError } from './errors.js';
import type { HttpServer } from './http/server.js';
import { uvThreads } from './sizing.js';
import { createLogger, type Logger } from './telemetry/logging.js';

// ONNX Runtime 1.30 reports usage home unless it is told not to before it is loaded.
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';

/** Exit codes: 0 drained, 1 could not start or was aborted, 137 aborted while a run that cannot be cancelled went on. */
async function main(): Promise<number> {
  if (process.argv.includes('--help')) {
    process.stdout.write(`cv-inference: serves an ONNX vision model over HTTP.\n\n${configHelp()}`);
    return 0;
  }
  let logger = createLogger({ level: 'info', format: 'json' });
  try {
    const config = readConfig(process.env);
    logger = createLogger({ level: config.logLevel, format: config.logFormat });
    return await serve(config, logger);
  } catch (error) {
    logFatal(logger, error);
    return 1;
  }
}

async function serve(config: Config, logger: Logger): Promise<number> {
  logger.info({ node: process.version, pid: process.pid, config: describeConfig(config) }, 'starting');
  const stop = new AbortController();
  const abort = new AbortController();
  const signals = listenForSignals(stop, abort);
  logWarnings(logger);
  // The rest of the house takes a while to load, and a signal that nobody listens to is lost on process 1.
  const { createApp } = await import('./app.js');
  const app = await createApp({ config, logger, uvThreads: uvThreads(process.env['UV_THREADPOOL_SIZE']) });
  await listen(app, config, logger);
  try {
    await app.loadModel(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) {
      await app.lifecycle.drain({
        delayMs: 0,
        timeoutMs: 1000,
        resources: app.resources,
        abort: abort.signal,
      });
      throw error;
    }
  }
  const wasServing = !stop.signal.aborted;
  if (wasServing) await once(stop.signal, 'abort');
  logger.info({ signal: signals.first }, 'draining');
  const outcome = await app.lifecycle.drain({
    // A person at a terminal is not a load balancer, and none sends anything to what was never ready.
    delayMs: signals.first === 'SIGINT' || !wasServing ? 0 : config.drainDelayMs,
    timeoutMs: config.drainTimeoutMs,
    resources: app.resources,
    abort: abort.signal,
  });
  logger[outcome === 'drained' ? 'info' : 'error']({}, outcome);
  // process.exit() would wait for a native run and then abort: docs/decisions/0003-threads-are-never-terminated.md
  if (outcome === 'stuck') process.kill(process.pid, 'SIGKILL');
  return outcome === 'drained' ? 0 : 1;
}

async function listen(app: App, config: Config, logger: Logger): Promise<void> {
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
}

/** The first signal drains, the second aborts. */
function listenForSignals(
  stop: AbortController,
  abort: AbortController,
): { first: NodeJS.Signals | undefined } {
  const seen: { first: NodeJS.Signals | undefined } = { first: undefined };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (seen.first !== undefined) abort.abort();
    seen.first ??= signal;
    stop.abort();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  return seen;
}

/** Node's own warnings, and those of libraries, become log lines instead of text on stderr. */
function logWarnings(logger: Logger): void {
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => logger.warn({ source: name }, message));
}

function logFatal(logger: Logger, error: unknown): void {
  if (error instanceof ServiceError) logger.fatal({ code: error.code }, `${error.code}: ${error.message}`);
  else logger.fatal({ err: error }, 'INTERNAL: the service could not start');
}

process.exit(await main());
