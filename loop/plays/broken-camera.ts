import type { Picture } from '../pictures.js';
import type { Scene } from '../scene.js';
import { until } from '../until.js';
import { type Check, refusedFor } from '../verdict.js';
import { alertsFired } from '../watch.js';
import { DRIFT_MINUTES, leavesBehind, ordinaryTimes, setUp, viewOf, WINDOW_MINUTES } from './acts.js';
import type { Play } from './play.js';

const ALERT = 'CvInferenceBrokenInput';
const ORDINARY_MINUTES = WINDOW_MINUTES;
/** Pictures of a camera that stands still: black ones and one that comes again and again take turns. */
const FROZEN_EVERY = 2;
const TIMEOUT_MS = 120_000;

async function perform(scene: Scene): Promise<Check[]> {
  const [ordinary = [], black = []] = await setUp(scene, [
    { kind: 'ordinary', minutes: ORDINARY_MINUTES },
    { kind: 'black', minutes: DRIFT_MINUTES },
  ]);
  const checks = await ordinaryTimes(scene, viewOf('ordinary', ordinary), ORDINARY_MINUTES);
  scene.story.tell('camera', 'the camera is broken: black frames, and one that comes again and again');
  scene.camera.look(viewOf('drifted', broken(black, ordinary)));
  await until(ALERT, TIMEOUT_MS, async () => (await alertsFired(scene)).includes(ALERT));
  // Longer than drift has to last: it would have fired by now.
  await scene.pass(scene.pace.secondsOfMinute * (WINDOW_MINUTES + DRIFT_MINUTES));
  scene.story.tell('people', 'retrain all the same, as the nightly run does');
  const training = await scene.parts.workflow.train('night');
  return [
    ...checks,
    refusedFor(training.reason, 'camera:', 'frozen:'),
    ...(await leavesBehind(scene, {
      dispatches: [],
      alerts: { all: [ALERT] },
      champion: '1',
      versions: ['1'],
      verdicts: [],
      commits: [],
    })),
  ];
}

function broken(black: readonly Picture[], ordinary: readonly Picture[]): Picture[] {
  const [frozen] = ordinary;
  return black.map((picture, index) => (index % FROZEN_EVERY === 0 ? (frozen ?? picture) : picture));
}

export const brokenCamera: Play = {
  name: 'broken-camera',
  title: 'A camera is broken',
  moral: 'the alert says so, nothing is trained, and data of it is refused',
  perform,
};
