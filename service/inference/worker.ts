import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../errors.js';
import type { Pixels } from '../preprocess/image.js';
import type { FromWorker, ToWorker, WorkerInit } from './messages.js';
import { PreparedModel } from './prepared-model.js';
import { createSession } from './session.js';

if (parentPort === null) throw new Error('worker.ts runs in a worker thread only');
const port = parentPort;

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

async function answer(model: PreparedModel, id: number, batch: readonly Pixels[]): Promise<void> {
  const result = await model.run(batch);
  const buffers = new Set<ArrayBuffer>();
  for (const item of result.items) {
    if ('outputs' in item) for (const output of item.outputs) buffers.add(output.data.buffer as ArrayBuffer);
  }
  send({ type: 'done', id, ...result }, [...buffers]);
}

start().catch((error: unknown) => send({ type: 'refused', reason: messageOf(error) }));
