import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../service/errors.js';
import { listenForSignals } from '../service/signals.js';
import type { LogSink } from '../service/telemetry/log-sink.js';
import { createLogger, type Logger, openLog } from '../service/telemetry/logging.js';
import { readAlertsToken } from './access.js';
import { Bridge } from './bridge.js';
import type { Limits } from './decide.js';
import { GitHub } from './github.js';
import { Metrics } from './metrics.js';
import { createServer } from './server.js';
import { readSettings, type Settings } from './settings.js';
import { StateFile } from './state-file.js';
import { readToken } from './token-file.js';

const LAST_LINES_MS = 1000;
const REQUEST_TIMEOUT_MS = 10_000;
const GITHUB_TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 1000;
const SETTLE_INTERVAL_MS = 5000;

/**
 * The bridge, from its settings to its end by a signal.
 * @returns the exit code: 0 ended by a signal, 1 could not start
 */
export async function runBridge(environment: NodeJS.ProcessEnv): Promise<number> {
  const log = openLog();
  const code = await runAndLog(environment, log);
  await log.flush(LAST_LINES_MS);
  return code;
}

async function runAndLog(environment: NodeJS.ProcessEnv, log: LogSink): Promise<number> {
  let logger = await createLogger({ level: 'info', format: 'json' }, log);
  try {
    const settings = readSettings(environment);
    logger = await createLogger({ level: settings.LOG_LEVEL, format: 'auto' }, log);
    await serve(settings, logger);
    return 0;
  } catch (error) {
    logger.fatal({}, `the bridge cannot run: ${messageOf(error)}`);
    return 1;
  }
}

async function serve(settings: Settings, logger: Logger): Promise<void> {
  const signals = listenForSignals();
  // Wrong from the start is better seen at once than when the first alert comes.
  await readAlertsToken(settings.ALERTS_TOKEN_FILE);
  await readToken(settings.GITHUB_TOKEN_FILE);
  const state = await StateFile.open(settings.STATE_FILE, Date.now());
  const metrics = new Metrics(() => state.dispatches);
  const bridge = new Bridge({
    state,
    github: connectGitHub(settings, metrics),
    models: settings.MODELS,
    limits: limitsOf(settings),
    logger,
    now: Date.now,
    stop: signals.stop,
  });
  const server = await createServer({
    bridge,
    metrics,
    logger,
    alertsTokenFile: settings.ALERTS_TOKEN_FILE,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    stop: signals.stop,
  });
  const address = await server.listen({ host: settings.HOST, port: settings.PORT });
  logger.info({ address, dispatches: state.dispatches.length }, 'listening');
  void settleUntil(signals.stop, bridge);
  if (!signals.stop.aborted) await once(signals.stop, 'abort');
  logger.info({ signal: signals.first }, 'ending');
  await server.close();
}

/** Looks now and then what became of dispatches without an answer, those of the process before included. */
async function settleUntil(stop: AbortSignal, bridge: Bridge): Promise<void> {
  while (!stop.aborted) {
    await bridge.settle();
    await pause(SETTLE_INTERVAL_MS, undefined, { signal: stop }).catch(() => undefined);
  }
}

function connectGitHub(settings: Settings, metrics: Metrics): GitHub {
  return new GitHub({
    apiUrl: settings.GITHUB_API_URL.replace(/\/+$/, ''),
    repository: settings.GITHUB_REPOSITORY,
    tokenFile: settings.GITHUB_TOKEN_FILE,
    timeoutMs: GITHUB_TIMEOUT_MS,
    firstPauseMs: FIRST_PAUSE_MS,
    onCall: (call, result) => metrics.githubCalls.inc({ call, result }),
  });
}

function limitsOf(settings: Settings): Limits {
  return {
    deduplicationWindowMs: settings.DEDUPLICATION_WINDOW_SECONDS * 1000,
    cooldownMs: settings.COOLDOWN_SECONDS * 1000,
    dailyLimit: settings.DAILY_LIMIT,
    maxFailedTrainings: settings.MAX_FAILED_TRAININGS,
    failedTrainingsPauseMs: settings.FAILED_TRAININGS_PAUSE_SECONDS * 1000,
  };
}
