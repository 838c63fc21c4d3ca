import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Retraining, startRetraining } from './support/retraining.js';
import { absent } from './support/tools.js';

describe.skipIf(absent('kustomize', 'alertmanager'))('an alert that asks for a training', () => {
  let retraining: Retraining;

  beforeAll(async () => {
    retraining = await startRetraining();
  });
  afterAll(() => retraining?.close());

  const alert = (labels: Readonly<Record<string, string>>) => ({
    labels: {
      alertname: 'CvInferenceModelDrift',
      severity: 'warning',
      namespace: 'cv-inference',
      action: 'retrain',
      ...labels,
    },
    annotations: { summary: 'S', description: 'D' },
  });

  it('becomes one training, however often it is repeated and however many there are of it; people hear of it too', async () => {
    const { alertmanager, bridge, github } = retraining;
    await alertmanager.send([
      alert({ model: 'digits', feature: 'brightness' }),
      alert({ model: 'digits', feature: 'sharpness' }),
      alert({ model: 'digits', namespace: 'cv-inference-staging' }),
    ]);
    const repetitions = () => bridge.metric('cv_bridge_decisions_total{outcome="duplicate"}');
    await vi.waitFor(async () => expect(await repetitions()).toBeGreaterThan(2), {
      timeout: 60_000,
      interval: 200,
    });
    expect(github.dispatches).toHaveLength(1);
    expect(github.dispatches[0]).toMatchObject({
      event_type: 'model-drift',
      client_payload: {
        model: 'digits',
        namespace: 'cv-inference',
        alerts: [
          { name: 'CvInferenceModelDrift', feature: 'brightness' },
          { name: 'CvInferenceModelDrift', feature: 'sharpness' },
        ],
      },
    });
    expect(await bridge.metric('cv_bridge_decisions_total{outcome="dispatched"}')).toBe(1);
    expect(alertmanager.alertsAt('/webhook')).toContain('CvInferenceModelDrift');
  });
});
