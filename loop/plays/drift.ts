import { seconds } from '../pace.js';
import type { Scene } from '../scene.js';
import { atLeast, atMost, type Check } from '../verdict.js';
import {
  DRIFT_ALERTS,
  DRIFT_MINUTES,
  hasReference,
  leavesBehind,
  ordinaryTimes,
  repetitions,
  rollOut,
  setUp,
  untilDispatched,
  untilTrained,
  viewOf,
  WINDOW_MINUTES,
} from './acts.js';
import type { Play } from './play.js';

/** Accuracy that the drift takes, and of that what the new model has to bring back, at least. */
const LOSS = 0.2;
const REGAINED = 0.1;
const ORDINARY_MINUTES = WINDOW_MINUTES + DRIFT_MINUTES + 10;
const DRIFTED_MINUTES = 60;
const AFTERWARDS_MINUTES = 60;

async function perform(scene: Scene): Promise<Check[]> {
  const [ordinary = [], drifted = [], fresh = []] = await setUp(scene, [
    { kind: 'ordinary', minutes: ORDINARY_MINUTES },
    { kind: 'drifted', minutes: DRIFTED_MINUTES },
    { kind: 'drifted', minutes: AFTERWARDS_MINUTES },
  ]);
  const startedAt = Date.now();
  const checks = await ordinaryTimes(scene, viewOf('ordinary', ordinary), ORDINARY_MINUTES);
  const driftedAt = Date.now();
  scene.story.tell('camera', 'the camera has moved: darker, blurred, turned, thinner strokes');
  scene.camera.look(viewOf('drifted', drifted));
  await untilDispatched(scene);
  const training = await untilTrained(scene);
  checks.push({
    promise: 'the challenger passes',
    isKept: training.passed,
    detail: training.reason || 'passed',
  });
  const releasedAt = Date.now();
  scene.camera.look(viewOf('drifted', fresh));
  checks.push(await rollOut(scene));
  const servedAt = Date.now();
  await scene.pass(seconds(scene.pace, AFTERWARDS_MINUTES));
  checks.push(await repetitions(scene), await hasReference(scene));
  const before = scene.camera.accuracy(startedAt, driftedAt);
  const during = scene.camera.accuracy(driftedAt, releasedAt);
  const after = scene.camera.accuracy(servedAt, Date.now());
  return [
    atLeast('accuracy on ordinary pictures', before, 0.95),
    atMost('accuracy while the camera drifts', during, before - LOSS),
    atLeast('accuracy with the new model, on pictures that nobody trained on', after, during + REGAINED),
    ...checks,
    ...(await leavesBehind(scene, {
      dispatches: ['digits'],
      alerts: { all: DRIFT_ALERTS },
      champion: '2',
      versions: ['1', '2'],
      verdicts: ['passed'],
      commits: ['Stage model', 'Promote production'],
    })),
  ];
}

export const drift: Play = {
  name: 'drift',
  title: 'A camera drifts',
  moral: 'one retraining, a better model, part of the lost accuracy is back',
  perform,
};
