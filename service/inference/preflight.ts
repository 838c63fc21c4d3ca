import { fork } from 'node:child_process';
import { ServiceError } from '../errors.js';
import { builtFile } from '../package-files.js';
import { engineWords } from './engine-words.js';
import type { EngineInfo } from './runner.js';
import type { SessionOptions } from './session.js';

export type PreflightAnswer = { readonly engine: EngineInfo } | { readonly refused: string };

export interface Preflight {
  readonly engine: EngineInfo;
  /** What ONNX Runtime had to say of the model, one entry a line, without repetitions. */
  readonly warnings: readonly string[];
}

const ENTRY = builtFile('inference/preflight-process.js');
const MAX_OUTPUT_BYTES = 256 * 1024;

/** How long a signal to this process may come after the same one to the child, milliseconds. */
const SAME_SIGNAL_MS = 1000;

/**
 * Loads the model in a process of its own first. ONNX Runtime writes its warnings straight to stderr, where they can
 * be caught only so; and a file that crashes its parser takes that process down instead of this one.
 * Throws MODEL_INCOMPATIBLE with the engine's words when it refuses the file, dies of it or does not come to an end,
 * and the signal's reason once that aborts.
 */
export async function preflight(
  options: SessionOptions,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Preflight> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const ended = await inspect(options, AbortSignal.any([signal, timeout])).catch(async (error: unknown) => {
    signal.throwIfAborted();
    if (timeout.aborted) throw loadTimedOut(timeoutMs);
    throw error;
  });
  if (ended.killedBy === 'SIGTERM' || ended.killedBy === 'SIGINT') await aborted(signal, SAME_SIGNAL_MS);
  const warnings = warningsIn(ended.output);
  if ('refused' in ended.answer) throw refusal(withLibrary(ended.answer.refused, warnings));
  return { engine: ended.answer.engine, warnings };
}

interface Ended {
  readonly answer: PreflightAnswer;
  readonly output: string;
  readonly killedBy: NodeJS.Signals | null;
}

/** Rejects, its process killed, once the signal aborts. */
async function inspect(options: SessionOptions, signal: AbortSignal): Promise<Ended> {
  const child = fork(ENTRY, [JSON.stringify(options)], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    signal,
    // It heeds no other, and could not in the middle of loading.
    killSignal: 'SIGKILL',
  });
  let output = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (output.length < MAX_OUTPUT_BYTES) output += text;
  });
  return new Promise((resolve, reject) => {
    let received: PreflightAnswer | undefined;
    child.on('message', (message) => {
      received = message as PreflightAnswer;
    });
    child.on('error', reject);
    child.on('close', (code, killedBy) => {
      const refused = `loading it ended the process (${killedBy ?? `exit code ${code}`})`;
      resolve({ answer: received ?? { refused }, output, killedBy });
    });
  });
}

/**
 * A signal to the whole process group can end the child before it ignores signals. Gives that signal time to reach
 * this process too, and throws the reason of the abort when it does.
 */
async function aborted(signal: AbortSignal, timeoutMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, timeoutMs);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
  signal.throwIfAborted();
}

const EXTERNAL_DATA_HINT = 'Its weights lie in another file: name that in external_data of model.json.';

/** What becomes of a file whose loading has no end. */
export function loadTimedOut(timeoutMs: number): ServiceError {
  return new ServiceError(
    'MODEL_INCOMPATIBLE',
    `ONNX Runtime had not loaded the model after ${timeoutMs} ms (MODEL_LOAD_TIMEOUT_MS).`,
  );
}

/** ONNX Runtime's answer to a file that it does not take. */
export function refusal(reason: string): ServiceError {
  const words = engineWords(reason);
  const hint = /external data/i.test(words) ? `. ${EXTERNAL_DATA_HINT}` : '';
  return new ServiceError('MODEL_INCOMPATIBLE', `ONNX Runtime refused the model: ${words}${hint}`);
}

/** The exception says only that a provider's library cannot be loaded; the line on stderr says which one is missing. */
function withLibrary(reason: string, warnings: readonly string[]): string {
  const why = warnings
    .map((warning) => /Failed to load library .* with error: (.+)/.exec(warning)?.[1])
    .find(Boolean);
  return why === undefined ? reason : `${reason}: ${why}`;
}

/** Lines such as `2026-01-01 ... [W:onnxruntime:, graph.cc:123 Name] text`, down to their text. */
function warningsIn(output: string): string[] {
  const lines = stripColours(output)
    .split('\n')
    .map((line) => /\[[A-Z]:onnxruntime:[^\]]*\]\s*(.+)$/.exec(line)?.[1]?.trim())
    .filter((line) => line !== undefined);
  return [...new Set(lines)];
}

/** Takes the escape sequences of a terminal out. */
function stripColours(text: string): string {
  return text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g'), '');
}
