import { CannotGoOn, UsageError } from '../service/cli/outcome.js';
import { messageOf, ServiceError } from '../service/errors.js';
import { readAsked, USAGE } from './arguments.js';
import { optimize } from './optimize.js';

/** The exit code. Faults become one line. */
export async function runOptimize(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(USAGE);
    return 0;
  }
  try {
    return (await optimize(readAsked(args), environment)) ? 0 : 4;
  } catch (error) {
    console.error(`optimize: ${textOf(error)}`);
    return error instanceof UsageError ? 2 : 1;
  }
}

function textOf(error: unknown): string {
  if (error instanceof UsageError) return `${error.message}; see npm run optimize -- --help`;
  if (error instanceof ServiceError) return `${error.code}: ${error.message}`;
  if (error instanceof CannotGoOn || !(error instanceof Error)) return messageOf(error);
  return error.stack ?? error.message;
}
