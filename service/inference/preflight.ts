import { fork } from 'node:child_process';
import { ServiceError } from '../errors.js';
import type { EngineInfo } from './runner.js';
import type { SessionOptions } from './session.js';

export type PreflightAnswer = { readonly engine: EngineInfo } | { readonly refused: string };

export interface Preflight {
  readonly engine: EngineInfo;
  /** What ONNX Runtime had to say of the model, one entry a line, without repetitions. */
  readonly warnings: readonly string[];
}

/** Processes run what is built; the sources beside the tests are TypeScript, which a process cannot load. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts')
    ? '../../dist/service/inference/preflight-process.js'
    : './preflight-process.js',
  import.meta.url,
);
const MAX_OUTPUT_BYTES = 256 * 1024;

/**
 * Loads the model in a process of its own first. ONNX Runtime writes its warnings straight to stderr, where they can
 * be caught only so; and a file that crashes its parser takes that process down instead of this one.
 * Throws MODEL_INCOMPATIBLE with the engine's words when it refuses the file or dies of it.
 */
export async function preflight(options: SessionOptions, signal: AbortSignal): Promise<Preflight> {
  const child = fork(ENTRY, [JSON.stringify(options)], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    signal,
  });
  let output = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (output.length < MAX_OUTPUT_BYTES) output += text;
  });
  const answer = await new Promise<PreflightAnswer>((resolve, reject) => {
    let received: PreflightAnswer | undefined;
    child.on('message', (message) => {
      received = message as PreflightAnswer;
    });
    child.on('error', reject);
    child.on('close', (code, killedBy) => {
      resolve(received ?? { refused: `loading it ended the process (${killedBy ?? `exit code ${code}`})` });
    });
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw error;
  });
  if ('refused' in answer) throw refusal(answer.refused);
  return { engine: answer.engine, warnings: warningsIn(output) };
}

const EXTERNAL_DATA_HINT = 'Its weights lie in another file: name that in external_data of model.json.';

/** ONNX Runtime's answer to a file that it does not take. */
export function refusal(reason: string): ServiceError {
  const words = withoutSource(reason.split('\n', 1)[0] ?? '');
  const hint = /external data/i.test(words) ? `. ${EXTERNAL_DATA_HINT}` : '';
  return new ServiceError('MODEL_INCOMPATIBLE', `ONNX Runtime refused the model: ${words}${hint}`);
}

/** ONNX Runtime names the line and the function of its own source first: `failed:/path/graph.cc:12 void f(int) The words`. */
function withoutSource(words: string): string {
  return words.replace(/\/\S+\.(?:cc|h):\d+ .*?\) (?=[A-Z])/, ' ');
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
