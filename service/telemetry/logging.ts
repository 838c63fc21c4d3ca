import { isatty } from 'node:tty';
import { type DestinationStream, type Logger, type LoggerOptions, pino, stdTimeFunctions } from 'pino';
import { LogSink } from './log-sink.js';
import { openStandardOutput } from './standard-output.js';

export type { Logger } from 'pino';

/** What is kept while nobody reads: some thousand lines. */
const MAX_KEPT_LENGTH = 1024 * 1024;

export interface LogOptions {
  readonly level: string;
  readonly format: 'auto' | 'json' | 'pretty';
}

/** The log of this process, on stdout. */
export function openLog(): LogSink {
  const sink = new LogSink(openStandardOutput(), MAX_KEPT_LENGTH);
  // What ends the process without asking leaves its last lines too.
  process.on('exit', () => void sink.writeNow());
  return sink;
}

/** One JSON object a line, severity in words; coloured lines where a person watches. Takes over the sink. */
export async function createLogger(options: LogOptions, sink: LogSink): Promise<Logger> {
  const settings: LoggerOptions = {
    level: options.level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: ['authorization', '*.authorization', 'headers.authorization', 'headers["x-api-key"]'] },
  };
  const pretty = options.format === 'pretty' || (options.format === 'auto' && isatty(1));
  const logger = pino(settings, pretty ? await prettyInto(sink) : sink);
  sink.onDropped = (lines) => logger.warn({ lines }, 'log lines dropped: nobody read them in time');
  return logger;
}

/** Made here and not in a thread of pino's, which would wait for the terminal, and the end of the process for it. */
async function prettyInto(sink: LogSink): Promise<DestinationStream> {
  // Takes 20 ms to load, which lines of JSON need not wait for.
  const { prettyFactory } = await import('pino-pretty');
  const pretty = prettyFactory({
    colorize: isatty(1),
    translateTime: 'HH:MM:ss.l',
    ignore: 'pid,hostname',
    singleLine: true,
  });
  return { write: (line) => sink.write(pretty(line)) };
}
