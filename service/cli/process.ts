import { exitByForce, haveEnded, isPoolIdle, watchThreads } from '../exit.js';
import { listenForSignals } from '../signals.js';
import { runCommand } from './commands.js';
import { EXIT_CODES } from './outcome.js';

/**
 * What every process of ours does, whatever it was started for.
 * @param args what was typed
 * @returns the exit code; the process is to be ended with it
 */
export async function runProcess(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  // ONNX Runtime 1.30 reports usage home unless it is told not to before it is loaded.
  environment['ORT_DISABLE_TELEMETRY'] ??= '1';
  const threads = watchThreads();
  let stop: AbortSignal | undefined;
  const code = await runCommand(args, {
    env: environment,
    stdout: process.stdout,
    stderr: process.stderr,
    // Where nobody looks, signals are left to whoever does: `serve` has an order of its own for them.
    get signal() {
      stop ??= stopSignal(environment);
      return stop;
    },
  });
  if (!(await haveEnded(threads)) || !(await isPoolIdle())) exitByForce(code, environment);
  return code;
}

/** Aborts with the first signal to end; the second one ends the process. */
function stopSignal(environment: NodeJS.ProcessEnv): AbortSignal {
  const { stop, abort } = listenForSignals();
  abort.addEventListener('abort', () => exitByForce(EXIT_CODES.stopped, environment));
  return stop;
}
