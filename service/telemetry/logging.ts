import { destination, type Logger, type LoggerOptions, pino, stdTimeFunctions, transport } from 'pino';

export type { Logger } from 'pino';

export interface LogOptions {
  readonly level: string;
  readonly format: 'auto' | 'json' | 'pretty';
}

/** One JSON object a line on stdout, severity in words; coloured lines where a person watches. */
export function createLogger(options: LogOptions): Logger {
  const settings: LoggerOptions = {
    level: options.level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: ['authorization', '*.authorization', 'headers.authorization', 'headers["x-api-key"]'] },
  };
  const pretty = options.format === 'pretty' || (options.format === 'auto' && process.stdout.isTTY === true);
  if (!pretty) return pino(settings, destination({ dest: 1, sync: true }));
  // A transport runs in a thread of its own, where functions such as the level formatter cannot go.
  const { formatters: _, ...plain } = settings;
  return pino(
    plain,
    transport({
      target: 'pino-pretty',
      options: { translateTime: 'HH:MM:ss.l', ignore: 'pid,hostname', singleLine: true },
    }),
  );
}
