import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { postJson, predict, send } from '../../../service/test/support/answers.js';
import { heavyColour, heavyModel, quickColour } from '../../../service/test/support/heavy-model.js';
import { multipart, plainPng } from '../../../service/test/support/images.js';
import { MEAN_COLOUR_MANIFEST, meanColourModel, pickyModel } from '../../../service/test/support/models.js';
import { ROOT } from './expressions.js';
import type { LiveCluster } from './live-cluster.js';
import type { Pod, TimeSeriesDatabase } from './time-series.js';

/** Each brings one pod, in a namespace that is named for what is wrong there. */
export type Fault = (cluster: LiveCluster, prometheus: TimeSeriesDatabase) => Promise<void>;

const SEEN_WITHIN = { timeout: 30_000, interval: 100 };
/** Rounds of a heavy model: half a second of one core. */
const HEAVY = 12;

function urlOf({ port }: Pod): string {
  return `http://127.0.0.1:${port}`;
}

async function until(prometheus: TimeSeriesDatabase, expression: string): Promise<void> {
  const check = async () => expect(await prometheus.query(expression)).not.toEqual([]);
  await vi.waitFor(check, SEEN_WITHIN);
}

/** As somebody does who looks at answers. */
export async function judge(url: string, image: Uint8Array, label: string): Promise<void> {
  const { request_id } = JSON.parse((await predict(url, image)).text) as { request_id: string };
  await postJson(url, '/feedback', { request_id, label });
}

/** Images that are answered, images that are none, batches, and answers that are judged, all the time. */
export async function useNormally(cluster: LiveCluster, pod: Pod): Promise<void> {
  const digit = readFileSync(join(ROOT, 'service/models/digits/golden/7-blocks.png'));
  const { payload: body, headers } = multipart([1, 2, 3].map(() => ({ field: 'files', bytes: digit })));
  cluster.keep(() => predict(urlOf(pod), digit), 40);
  cluster.keep(() => send(urlOf(pod), '/predict/batch', { body, headers }), 250);
  cluster.keep(() => predict(urlOf(pod), Buffer.from('no image')), 500);
  cluster.keep(() => judge(urlOf(pod), digit, '7'), 500);
}

/** One run takes longer than it may: its thread is given up and replaced. */
const loseWorker: Fault = async (cluster, prometheus) => {
  const pod = await cluster.pod('lossy', 'f2h4k');
  const MODEL_URI = await cluster.modelFolder('lossy', heavyModel(HEAVY));
  await cluster.start(pod, { MODEL_URI, RUN_TIMEOUT_MS: '100' });
  cluster.scrape(pod);
  const quick = await plainPng(quickColour(1));
  cluster.keep(() => predict(urlOf(pod), quick), 200);
  await until(prometheus, 'cv_worker_restarts_total{namespace="lossy",reason="stuck"} == 0');
  await predict(urlOf(pod), await plainPng(heavyColour(1)));
};

/** Eight clients that each want half a second of the one core, and do not wait when they are refused. */
const overload: Fault = async (cluster) => {
  const pod = await cluster.pod('overloaded', 'm5n7p');
  await cluster.start(pod, {
    MODEL_URI: await cluster.modelFolder('overloaded', heavyModel(HEAVY)),
    MAX_IN_FLIGHT_IMAGES: '3',
    MAX_EXPECTED_WAIT_MS: '1500',
    MAX_BATCH_IMAGES: '3',
    MAX_BATCH_SIZE: '1',
    INTRA_OP_THREADS: '1',
  });
  cluster.scrape(pod);
  const heavy = await plainPng(heavyColour(1));
  for (let client = 0; client < 8; client += 1) cluster.keep(() => predict(urlOf(pod), heavy), 50);
};

/** The model cannot process every second image. */
const failAtInference: Fault = async (cluster) => {
  const pod = await cluster.pod('failing', 'q6r8s');
  await cluster.start(pod, { MODEL_URI: await cluster.modelFolder('failing', pickyModel()) });
  cluster.scrape(pod);
  const good = await plainPng({ r: 10, g: 20, b: 30 });
  const fatal = await plainPng({ r: 255, g: 0, b: 0 });
  cluster.keep(() => predict(urlOf(pod), good), 100);
  cluster.keep(() => predict(urlOf(pod), fatal), 100);
};

/** The model is not the one that its manifest names; the process ends, and is started anew as the kubelet does. */
const failAtStart: Fault = async (cluster) => {
  const pod = await cluster.pod('unloadable', 't3v5w');
  const manifest = { ...MEAN_COLOUR_MANIFEST, sha256: '0'.repeat(64) };
  const MODEL_URI = await cluster.modelFolder('unloadable', meanColourModel(), manifest);
  cluster.scrape(pod);
  cluster.keep(() => cluster.launch(pod, { MODEL_URI }).exit, 2000);
};

/** The process is killed as soon as Prometheus has seen it ready. */
const dieAgainAndAgain: Fault = async (cluster, prometheus) => {
  const pod = await cluster.pod('restarting', 'y2z4b');
  cluster.scrape(pod);
  const live = async (): Promise<void> => {
    const service = await cluster.start(pod);
    await until(prometheus, 'cv_ready{namespace="restarting"} == 1').finally(() => service.stop('SIGKILL'));
  };
  cluster.keep(live, 500);
};

/** The process is gone for good, the pod is not. */
const stopAnswering: Fault = async (cluster, prometheus) => {
  const pod = await cluster.pod('stopped', 'c5d7f');
  const service = await cluster.start(pod);
  cluster.scrape(pod);
  await until(prometheus, 'cv_ready{namespace="stopped"} == 1');
  await service.stop('SIGKILL');
};

export const FAULTS: readonly Fault[] = [
  loseWorker,
  overload,
  failAtInference,
  failAtStart,
  dieAgainAndAgain,
  stopAnswering,
];
