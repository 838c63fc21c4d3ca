import { messageOf } from '../errors.js';
import type { PreflightAnswer } from './preflight.js';
import { createSession, type SessionOptions } from './session.js';

/** Loads the model once, with ONNX Runtime free to write its warnings to this process's stderr. */
async function inspect(options: SessionOptions): Promise<PreflightAnswer> {
  try {
    const session = await createSession({ ...options, logWarnings: true });
    return { engine: session.engine };
  } catch (error) {
    return { refused: messageOf(error) };
  }
}

const answer = await inspect(JSON.parse(process.argv[2] ?? '{}') as SessionOptions);
process.send?.(answer, undefined, undefined, () => process.disconnect());
