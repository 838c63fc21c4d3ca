import { once } from 'node:events';
import { messageOf } from '../service/errors.js';
import { listenForSignals } from '../service/signals.js';
import type { LogSink } from '../service/telemetry/log-sink.js';
import { createLogger, type Logger, openLog } from '../service/telemetry/logging.js';
import { Dashboard } from './dashboard.js';
import { connectToKubernetes } from './kubernetes/client.js';
import { readSettings, type Settings } from './settings.js';

const LAST_LINES_MS = 1000;

/**
 * The dashboard, from its settings to its end by a signal.
 * @param pageRoot folder in which the page's files lie as in the repository
 * @returns the exit code: 0 ended by a signal, 1 could not start
 */
export async function runDashboard(environment: NodeJS.ProcessEnv, pageRoot: string): Promise<number> {
  const log = openLog();
  const code = await runAndLog(environment, pageRoot, log);
  await log.flush(LAST_LINES_MS);
  return code;
}

async function runAndLog(environment: NodeJS.ProcessEnv, pageRoot: string, log: LogSink): Promise<number> {
  let logger = await createLogger({ level: 'info', format: 'json' }, log);
  try {
    const settings = readSettings(environment);
    logger = await createLogger({ level: settings.LOG_LEVEL, format: 'json' }, log);
    await serve(settings, pageRoot, logger);
    return 0;
  } catch (error) {
    logger.fatal({}, `the dashboard cannot run: ${messageOf(error)}`);
    return 1;
  }
}

async function serve(settings: Settings, pageRoot: string, logger: Logger): Promise<void> {
  const signals = listenForSignals();
  const { stop } = signals;
  const client = connectToKubernetes();
  const dashboard = await Dashboard.start({ settings, client, logger, pageRoot, stop });
  const address = await dashboard.server.listen({ host: settings.HOST, port: settings.PORT });
  logger.info({ address, namespaces: settings.NAMESPACES }, 'listening');
  if (!stop.aborted) await once(stop, 'abort');
  logger.info({ signal: signals.first }, 'ending');
  await dashboard.close();
}
