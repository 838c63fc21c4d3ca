import { execFileSync } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { send } from '../../service/test/support/answers.js';
import { multipart } from '../../service/test/support/images.js';
import { type DigitPicture, digitPictures } from './support/digit-pictures.js';
import { expectAnswers } from './support/expect-answers.js';
import { driftDashboardExpressions, driftGroups, ROOT, substitute } from './support/expressions.js';
import { judge } from './support/faults.js';
import { firedIn, LiveCluster } from './support/live-cluster.js';
import { type Retraining, startRetraining } from './support/retraining.js';
import type { Pod, TimeSeriesDatabase } from './support/time-series.js';
import { absent } from './support/tools.js';

/** An hour of the rules: half a minute. */
const SECONDS_OF_MINUTE = 0.5;
const PICTURES = 300;
const KNOWN = 90;
const IMAGES_AT_ONCE = 30;
const FIRES_WITHIN = { timeout: 90_000, interval: 500 };

/** A camera that has been turned, in the dark. */
const darken = (image: Sharp): Sharp => image.linear(0.3, 0).rotate(90);

/** The default model, and what these pictures are like in the place of its training's. */
async function modelFor(cluster: LiveCluster): Promise<string> {
  const [model, folder] = [cluster.folder('digits'), cluster.folder('training')];
  cpSync(join(ROOT, 'service/models/digits'), model, { recursive: true });
  const pictures = await digitPictures(2 * PICTURES, 0);
  for (const [index, { bytes }] of pictures.entries()) writeFileSync(join(folder, `${index}.png`), bytes);
  const command = [join(ROOT, 'dist/service/cli/main.js'), 'reference', model, folder, '--write'];
  execFileSync(process.execPath, command, { stdio: 'pipe' });
  return model;
}

/** Sends them again and again, and others of which it says what they show: none so soon again that a camera seems to stand still. */
function show(cluster: LiveCluster, { port }: Pod, pictures: readonly DigitPicture[]): void {
  const url = `http://127.0.0.1:${port}`;
  const [shown, known] = [pictures.slice(0, PICTURES), pictures.slice(PICTURES)];
  let [sent, judged] = [0, 0];
  cluster.keep(async () => {
    const some = Array.from({ length: IMAGES_AT_ONCE }, () => shown[sent++ % shown.length]);
    const parts = some.flatMap((picture) => (picture ? [{ field: 'files', bytes: picture.bytes }] : []));
    const { payload: body, headers } = multipart(parts);
    await send(url, '/predict/batch', { body, headers });
  }, 300);
  cluster.keep(async () => {
    const picture = known[judged++ % known.length];
    if (picture) await judge(url, picture.bytes, picture.label);
  }, 150);
}

describe.skipIf(absent('kustomize', 'prometheus', 'alertmanager'))('drift', () => {
  const cluster = new LiveCluster(driftGroups, SECONDS_OF_MINUTE);
  let prometheus: TimeSeriesDatabase;
  let retraining: Retraining;

  beforeAll(async () => {
    const MODEL_URI = await modelFor(cluster);
    const [ordinary, dark] = await Promise.all([
      digitPictures(PICTURES + KNOWN, 0.3),
      digitPictures(PICTURES + KNOWN, 0.6, darken),
    ]);
    retraining = await startRetraining();
    prometheus = await cluster.startPrometheus({ alertmanager: retraining.alertmanager.url });
    for (const [namespace, pictures] of [
      ['ordinary', ordinary],
      ['dark', dark],
    ] as const) {
      const pod = await cluster.pod(namespace, 'x2x4z');
      await cluster.start(pod, { MODEL_URI, CAPTURE_TO: cluster.folder(`captures-${namespace}`) });
      cluster.scrape(pod);
      show(cluster, pod, pictures);
    }
    await cluster.watch(prometheus, 'ordinary', 'dark');
  });

  afterAll(async () => {
    await cluster.destroy();
    await retraining?.close();
  });

  it('of a camera that was turned in the dark is seen in its pictures, and in what is right', async () => {
    const check = async () => {
      const drifted = ['CvInferenceInputDrift info', 'CvInferenceModelDrift warning'];
      expect(await firedIn(prometheus, 'dark')).toEqual(expect.arrayContaining(drifted));
      const asking = 'ALERTS{namespace="dark",action="retrain",alertstate="firing"}';
      const features = (await prometheus.query(asking)).map(({ labels }) => labels['feature']);
      expect(features.sort()).toEqual(['accuracy', undefined]);
    };
    await vi.waitFor(check, FIRES_WITHIN);
    expect(await firedIn(prometheus, 'dark')).not.toContain('CvInferenceBrokenInput warning');
  });

  it('asks for one training', async () => {
    const repeated = () => retraining.bridge.metric('cv_bridge_decisions_total{outcome="duplicate"}');
    await vi.waitFor(async () => expect(await repeated()).toBeGreaterThan(2), FIRES_WITHIN);
    const { dispatches } = retraining.github;
    expect(dispatches.map(({ client_payload }) => client_payload)).toMatchObject([
      { model: 'digits', namespace: 'dark' },
    ]);
  });

  it('is not seen in ordinary pictures, as many and as long', async () => {
    const enough =
      'cv:window_images:1h{namespace="ordinary"} >= 500 and on () cv:judged_answers:1h{namespace="ordinary"} >= 50';
    await vi.waitFor(async () => expect(await prometheus.query(enough)).toHaveLength(1), FIRES_WITHIN);
    expect(await firedIn(prometheus, 'ordinary')).toEqual([]);
    const [accuracy] = await prometheus.query('cv:accuracy:1h{namespace="ordinary"}');
    expect(accuracy?.value).toBeGreaterThan(0.9);
  });

  it('has data for every query of its dashboard', async () => {
    const variables = { namespace: 'dark', rateInterval: '1m', range: '3h', args: {} };
    const expressions = driftDashboardExpressions().map(({ where, text }) => ({
      where,
      text: substitute(text, variables),
    }));
    await expectAnswers(prometheus, expressions);
  });
});
