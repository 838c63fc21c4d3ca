import type { View } from '../camera.js';
import type { Scene } from '../scene.js';
import { type Check, refusedFor } from '../verdict.js';
import {
  DRIFT_ALERTS,
  DRIFT_MINUTES,
  leavesBehind,
  ordinaryTimes,
  repetitions,
  setUp,
  untilDispatched,
  untilTrained,
  viewOf,
  WINDOW_MINUTES,
} from './acts.js';
import type { Play } from './play.js';

const ORDINARY_MINUTES = WINDOW_MINUTES;

interface Bad {
  readonly judge: View['judge'];
  /** Who has to refuse the training: one of these is in the reason. */
  readonly refusedBy: readonly string[];
  /** What the gate says, where it comes so far. */
  readonly verdicts: readonly string[];
}

/** A camera drifts, and what people say of its pictures is wrong. */
function performWith({ judge, refusedBy, verdicts }: Bad): Play['perform'] {
  return async (scene: Scene): Promise<Check[]> => {
    const [ordinary = [], drifted = []] = await setUp(scene, [
      { kind: 'ordinary', minutes: ORDINARY_MINUTES },
      { kind: 'drifted', minutes: WINDOW_MINUTES + DRIFT_MINUTES },
    ]);
    const checks = await ordinaryTimes(scene, viewOf('ordinary', ordinary), ORDINARY_MINUTES);
    scene.story.tell('camera', 'the camera has moved: darker, blurred, turned, thinner strokes');
    scene.camera.look(viewOf('drifted', drifted, judge));
    await untilDispatched(scene);
    const training = await untilTrained(scene);
    checks.push(refusedFor(training.reason, ...refusedBy), await repetitions(scene));
    return [
      ...checks,
      ...(await leavesBehind(scene, {
        dispatches: ['digits'],
        alerts: { all: DRIFT_ALERTS },
        champion: '1',
        versions: ['1'],
        verdicts,
        commits: [],
      })),
    ];
  };
}

export const wrongLabels: Play = {
  name: 'wrong-labels',
  title: 'People give wrong labels',
  moral: 'validation refuses the data before anything is trained',
  perform: performWith({
    judge: (label) => String((Number(label) + 1) % 10),
    refusedBy: ['agreement:'],
    verdicts: [],
  }),
};

/** As the service says it: below it a picture is hard to read. */
const READABLE = 0.9;
const guess = (): string => String(Math.floor(10 * Math.random()));

export const worseChallenger: Play = {
  name: 'worse-challenger',
  title: 'A challenger is worse: who labels guesses where a picture is hard to read',
  moral: 'validation cannot see it, the gate does, and the champion stays',
  perform: performWith({
    judge: (label, score) => (score < READABLE ? guess() : label),
    refusedBy: ['nothing lost:', 'better:'],
    verdicts: ['refused'],
  }),
};
