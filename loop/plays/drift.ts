import { seconds } from '../pace.js';
import type { Scene } from '../scene.js';
import { atLeast, atMost, type Check } from '../verdict.js';
import {
  askedByPictures,
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
/** People say what a picture shows so long after the answer: by then drift of pictures has asked for a training. */
const JUDGED_AFTER_MINUTES = 20;
const ORDINARY_MINUTES = WINDOW_MINUTES + DRIFT_MINUTES + 10;
const DRIFTED_MINUTES = 60;
const AFTERWARDS_MINUTES = 60;

async function perform(scene: Scene): Promise<Check[]> {
  const [ordinary = [], drifted = [], fresh = []] = await setUp(scene, [
    { kind: 'ordinary', minutes: ORDINARY_MINUTES },
    { kind: 'drifted', minutes: DRIFTED_MINUTES },
    { kind: 'drifted', minutes: AFTERWARDS_MINUTES },
  ]);
  const judgedAfterMs = 1000 * seconds(scene.pace, JUDGED_AFTER_MINUTES);
  const startedAt = Date.now();
  const checks = await ordinaryTimes(
    scene,
    { ...viewOf('ordinary', ordinary), judgedAfterMs },
    ORDINARY_MINUTES,
  );
  const driftedAt = Date.now();
  scene.story.tell('camera', 'the camera has moved: darker, blurred, turned, thinner strokes');
  scene.camera.look({ ...viewOf('drifted', drifted), judgedAfterMs });
  await untilDispatched(scene);
  checks.push(await askedByPictures(scene));
  const training = await untilTrained(scene);
  checks.push({
    promise: 'the challenger passes',
    isKept: training.passed,
    detail: training.reason || 'passed',
  });
  const releasedAt = Date.now();
  scene.camera.look({ ...viewOf('drifted', fresh), judgedAfterMs });
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
  moral: 'one retraining, a better model, accuracy is back',
  perform,
};
