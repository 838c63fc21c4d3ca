import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../errors.js';
import { yieldToMainThread } from '../niceness.js';
import { giveBackSpareHeap } from '../spare-memory.js';
import type { FromWorker, ToWorker, WorkerInit } from './messages.js';
import { PreparedModel } from './prepared-model.js';
import type { Row, RowResult } from './runner.js';
import { createSession } from './session.js';

if (parentPort === null) throw new Error('worker.ts runs in a worker thread only');
/** Garbage of a peak that is worth a pause of this thread. Its heap in use is a few megabytes. */
const SPARE_HEAP_BYTES = 8 * 1024 * 1024;
const port = parentPort;

yieldToMainThread();
giveBackSpareHeap(SPARE_HEAP_BYTES);

function send(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

async function start(): Promise<void> {
  const session = await createSession(workerData as WorkerInit);
  let model: PreparedModel | undefined;
  port.on('message', (message: ToWorker) => {
    if (message.type === 'stop') {
      port.close();
    } else if (message.type === 'prepare') {
      model = new PreparedModel(session, message.plan);
      send({ type: 'prepared' });
    } else if (model !== undefined) {
      void answer(model, message.id, message.batch);
    }
  });
  send({ type: 'loaded', engine: session.engine });
}

async function answer(model: PreparedModel, id: number, batch: readonly Row[]): Promise<void> {
  const result = await model.run(batch);
  send({ type: 'done', id, result }, buffersOf(result.items));
}

/** What is handed back. Answers are small, and copied. */
function buffersOf(items: readonly RowResult[]): ArrayBuffer[] {
  const files = items.map((item) => ('returned' in item ? item.returned : 'file' in item && item.file));
  return files.flatMap((file) => (file instanceof Uint8Array ? [file.buffer as ArrayBuffer] : []));
}

start().catch((error: unknown) => send({ type: 'refused', reason: messageOf(error) }));
