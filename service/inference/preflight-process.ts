import type { PreflightAnswer } from './preflight.js';
import type { SessionOptions } from './session.js';

// A signal to the whole process group is for the parent, which ends this process when it is time.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);

/** Loads the model once, with ONNX Runtime free to write its warnings to this process's stderr. */
async function inspect(options: SessionOptions): Promise<PreflightAnswer> {
  try {
    // Takes a while to load; signals are ignored before.
    const { createSession } = await import('./session.js');
    const session = await createSession({ ...options, logWarnings: true });
    return { engine: session.engine };
  } catch (error) {
    return { refused: error instanceof Error ? error.message : String(error) };
  }
}

const answer = await inspect(JSON.parse(process.argv[2] ?? '{}') as SessionOptions);
process.send?.(answer, undefined, undefined, () => process.disconnect());
