import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { expectAnswers } from './support/expect-answers.js';
import {
  alertId,
  alerts,
  dashboardExpressions,
  type Expression,
  NAMESPACE,
  queryExpressions,
  rules,
  substitute,
} from './support/expressions.js';
import { FAULTS, useNormally } from './support/faults.js';
import { firedIn, LiveCluster, POD_HASH } from './support/live-cluster.js';
import { measured } from './support/promql.js';
import type { TimeSeriesDatabase } from './support/time-series.js';
import { absent } from './support/tools.js';

/** Healthy; the namespace that the manifests name by themselves. */
const HEALTHY = NAMESPACE;
const FAULTY = ['lossy', 'overloaded', 'failing', 'unloadable', 'restarting', 'stopped', 'nowhere'];
/** Scrapes, one a second, in which a healthy service must stay silent: longer than any `for` but those of an hour. */
const SILENT_SCRAPES = 40;
const FIRES_WITHIN = { timeout: 60_000, interval: 500 };

const variables = {
  namespace: HEALTHY,
  rateInterval: '1m',
  range: '3h',
  args: { namespace: HEALTHY, hash: POD_HASH },
};

/** What is asked, as it is asked; of alerts what they measure, since a healthy service is below their thresholds. */
function asked(): Expression[] {
  const ofRules = rules().flatMap(({ record, alert, expr }) =>
    record === undefined
      ? measured(expr).map((text) => ({ where: `alert ${alert}`, text }))
      : [{ where: record, text: expr }],
  );
  const ofOthers = [...dashboardExpressions(), ...queryExpressions()].map(({ where, text }) => ({
    where,
    text: substitute(text, variables),
  }));
  return [...ofRules, ...ofOthers];
}

/** For a database that has no recorded series. */
function withoutRecorded({ where, text }: Expression): Expression {
  const expanded = rules().reduce(
    (expression, { record, expr }) =>
      record === undefined
        ? expression
        : expression.replace(new RegExp(`${record}(?!\\w)(\\{[^}]*\\})?`, 'g'), `(${expr})`),
    text,
  );
  return { where, text: expanded };
}

describe.skipIf(absent('prometheus', 'victoria-metrics'))('live', () => {
  const cluster = new LiveCluster();
  let prometheus: TimeSeriesDatabase;
  let victoriaMetrics: TimeSeriesDatabase;
  const fired = (namespace: string): Promise<string[]> => firedIn(prometheus, namespace);

  beforeAll(async () => {
    const pods = await Promise.all([cluster.pod(HEALTHY, 'x2x4z'), cluster.pod(HEALTHY, 'b7c9d')]);
    const CAPTURE_TO = cluster.folder('captures');
    await Promise.all(pods.map((pod) => cluster.start(pod, { CAPTURE_TO })));
    await Promise.all(pods.map((pod) => useNormally(cluster, pod)));
    cluster.scrape(...pods);
    [prometheus, victoriaMetrics] = await Promise.all([
      cluster.startPrometheus(),
      cluster.startVictoriaMetrics(HEALTHY),
    ]);
    await cluster.watch(prometheus, HEALTHY);
  });

  afterAll(() => cluster.destroy());

  it('every expression has an answer in Prometheus', async () => {
    const expressions = asked();
    expect(expressions.length).toBeGreaterThan(rules().length + dashboardExpressions().length);
    await expectAnswers(prometheus, expressions);
  });

  it('every expression has an answer in VictoriaMetrics, which finds the pods by annotation', async () => {
    await expectAnswers(victoriaMetrics, asked().map(withoutRecorded));
  });

  it('a healthy service fires no alert', async () => {
    const scrapes = `min(count_over_time(up{namespace="${HEALTHY}"}[1h]))`;
    const enough = async () =>
      expect((await prometheus.query(scrapes))[0]?.value).toBeGreaterThan(SILENT_SCRAPES);
    await vi.waitFor(enough, { timeout: 90_000, interval: 500 });
    expect(await fired(HEALTHY)).toEqual([]);
  });

  describe('a fault fires its alerts:', () => {
    const expectToFire = async (namespace: string, ...expected: string[]): Promise<void> => {
      const check = async () => expect(await fired(namespace)).toEqual(expect.arrayContaining(expected));
      await vi.waitFor(check, FIRES_WITHIN);
    };

    beforeAll(async () => {
      await Promise.all(FAULTS.map((fault) => fault(cluster, prometheus)));
      await cluster.watch(prometheus, ...FAULTY);
    });

    it('an inference thread that is lost', () => expectToFire('lossy', 'CvInferenceWorkerLost warning'));

    it('more work than the pod takes', () =>
      expectToFire(
        'overloaded',
        'CvInferenceRejecting critical',
        'CvInferenceRejecting warning',
        'CvInferenceQueueFilling warning',
        'CvInferenceLatencyBudgetBurn critical 1h',
      ));

    it('a model that fails at every second image', () =>
      expectToFire(
        'failing',
        'CvInferenceErrorBudgetBurn critical 1h',
        'CvInferenceErrorBudgetBurn critical 6h',
        'CvInferenceModelFailing critical',
      ));

    it('a model that cannot be loaded, in a pod that is started again and again', () =>
      expectToFire('unloadable', 'CvInferenceModelLoadFailing warning', 'CvInferenceNoReadyPod critical'));

    it('a process that is killed again and again', () =>
      expectToFire('restarting', 'CvInferenceProcessRestarting warning'));

    it('a pod that answers no more', () =>
      expectToFire('stopped', 'CvInferenceTargetDown warning', 'CvInferenceNoReadyPod critical'));

    it('no pod at all', () => expectToFire('nowhere', 'CvInferenceTargetAbsent critical'));

    it('and none that says what is not so', async () => {
      expect(await fired('nowhere')).toEqual(['CvInferenceTargetAbsent critical']);
      expect(await fired('lossy')).not.toContain('CvInferenceNoReadyPod critical');
      expect(await fired('unloadable')).not.toContain('CvInferenceTargetDown warning');
      expect(await fired('stopped')).not.toContain('CvInferenceModelLoadFailing warning');
      expect(await fired('overloaded')).not.toContain('CvInferenceWorkerLost warning');
      expect(await fired('failing')).not.toContain('CvInferenceRejecting critical');
      const known = alerts().map(alertId);
      const all = (await Promise.all(FAULTY.map(fired))).flat();
      expect(all.filter((name) => !known.includes(name))).toEqual([]);
    });
  });
});
