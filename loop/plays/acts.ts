import { join } from 'node:path';
import type { View } from '../camera.js';
import { seconds } from '../pace.js';
import { PACKAGE_ROOT } from '../package-root.js';
import type { Kind, Picture } from '../pictures.js';
import type { Scene } from '../scene.js';
import { until } from '../until.js';
import { type Check, compare, type Expected, percent } from '../verdict.js';
import { alertsFired } from '../watch.js';
import type { Training } from '../workflow.js';

/** Minutes of the rules: the window, and the time that drift has to last. */
export const WINDOW_MINUTES = 60;
export const DRIFT_MINUTES = 30;
/** Of images and of answers; and of accuracy, by feedback. */
export const DRIFT_ALERTS = [
  'CvInferenceAnswerDrift',
  'CvInferenceInputDrift',
  'CvInferenceModelDrift',
  'CvInferenceModelDrift (accuracy)',
];
/** On a machine that does other things as well. */
const PATIENCE_MS = 120_000;
const TRAINING_TIMEOUT_MS = 900_000;
/** Alertmanager repeats itself in this time, and more than once. */
const REPETITIONS_SECONDS = 12;
/** Pictures made beyond those that the pace needs. */
const SPARE = 1.1;

const HONEST: View['judge'] = (label) => label;
/** People say what it was more often where answers are wrong. */
const JUDGED = { ordinary: 0.2, drifted: 0.9 };

/** Pictures, and the people who judge the answers to them. */
export function viewOf(kind: keyof typeof JUDGED, pictures: readonly Picture[], judge = HONEST): View {
  return { pictures, judge, judgedShare: JUDGED[kind] };
}

/** Sets the scene and has pictures made meanwhile, for so many minutes of the rules each. */
export async function setUp(
  scene: Scene,
  wanted: readonly { readonly kind: Kind; readonly minutes: number }[],
): Promise<Picture[][]> {
  const make = async (): Promise<Picture[][]> => {
    const made: Picture[][] = [];
    for (const { kind, minutes } of wanted) {
      const count = Math.ceil(SPARE * scene.pace.imagesPerSecond * seconds(scene.pace, minutes));
      made.push(await scene.pictures.make(kind, count));
    }
    return made;
  };
  const [pictures] = await Promise.all([make(), scene.set()]);
  return pictures;
}

/** Ordinary pictures, for so long that drift would have fired. */
export async function ordinaryTimes(scene: Scene, view: View, minutes: number): Promise<Check[]> {
  scene.story.tell('camera', 'ordinary pictures');
  scene.startCamera(view);
  await scene.pass(seconds(scene.pace, minutes));
  const alerts = await alertsFired(scene);
  const images =
    (await scene.parts.prometheus.query('max(max_over_time(cv:window_images:1h[1h]))'))[0]?.value ?? 0;
  return [
    {
      promise: 'ordinary pictures fire no alert',
      isKept: alerts.length === 0,
      detail: alerts.join(', ') || 'none',
    },
    {
      promise: 'and they are enough to be judged: 500',
      isKept: images >= 500,
      detail: String(Math.round(images)),
    },
  ];
}

/** Waits for the dispatch that drift leads to. */
export async function untilDispatched(scene: Scene): Promise<void> {
  const timeoutMs = 1000 * seconds(scene.pace, WINDOW_MINUTES + DRIFT_MINUTES) + PATIENCE_MS;
  await until('a dispatch', timeoutMs, async () => {
    scene.expectRunning();
    return scene.parts.github.dispatches.length > 0;
  });
}

/** Waits for the end of the training that was dispatched. */
export async function untilTrained(scene: Scene): Promise<Training> {
  const [training] = await until('the end of the training', TRAINING_TIMEOUT_MS, () => {
    scene.expectRunning();
    return scene.parts.workflow.over();
  });
  if (training === undefined) throw new Error('no training has run');
  return training;
}

/** Time for the alert to be repeated, and for what must not come of it. */
export async function repetitions(scene: Scene): Promise<Check> {
  await scene.pass(REPETITIONS_SECONDS);
  const text = await (await fetch(`${scene.parts.bridgeUrl}/metrics`)).text();
  const repeated = [...text.matchAll(/^cv_bridge_decisions_total\{outcome="(\w+)"\} (\d+)$/gm)]
    .filter(([, outcome, count]) => outcome !== 'dispatched' && Number(count) > 0)
    .map(([, outcome, count]) => `${count} ${outcome}`);
  return {
    promise: 'the alert is repeated, and the bridge refuses what is repeated',
    isKept: repeated.length > 0,
    detail: repeated.join(', ') || 'no repetition came',
  };
}

/**
 * What Argo CD and the canary do in a cluster: a second process with the released model gets a fifth of the pictures, then
 * all of them where it is no worse; the registry is told by .github/scripts/settle-champion.ts.
 */
export async function rollOut(scene: Scene): Promise<Check> {
  const { repository } = scene.parts;
  const [stable] = scene.services;
  if (stable === undefined) throw new Error('no service runs');
  const release = await repository.released();
  const canary = await scene.serve('canary', release);
  const from = Date.now();
  scene.camera.sendTo([
    { url: canary.url, share: 0.2 },
    { url: stable.url, share: 0.8 },
  ]);
  await scene.pass(seconds(scene.pace, 30));
  const [before, after] = [stable, canary].map(({ url }) => scene.camera.accuracy(from, Date.now(), url));
  const hasHeld = (after ?? 0) >= (before ?? 1);
  const detail = `canary ${percent(after ?? 0)}, stable ${percent(before ?? 0)}`;
  scene.story.tell('service', `the canary ${hasHeld ? 'has held' : 'has not held'}: ${detail}`);
  await settle(scene, release.MODEL_SHA256, hasHeld);
  if (hasHeld) {
    scene.camera.sendTo([{ url: canary.url, share: 1 }]);
    // What the old one was sent before is still answered by it.
    await scene.pass(1);
    await scene.retire(stable);
    scene.story.tell('service', 'all pictures go to the new model');
  }
  return { promise: 'the canary is no worse than the version beside it', isKept: hasHeld, detail };
}

async function settle(scene: Scene, sha256: string, hasHeld: boolean): Promise<void> {
  const said = await scene.children.run({
    name: 'settle-champion',
    program: process.execPath,
    args: [join(PACKAGE_ROOT, 'dist/.github/scripts/settle-champion.js')],
    environment: {
      MLFLOW_TRACKING_URI: scene.parts.registry.url,
      MODEL_SHA256: sha256,
      RESULT: hasHeld ? 'success' : 'failure',
    },
  });
  scene.story.tell('registry', said.trim());
}

/** What drift of the model that serves now is measured against: else nothing would tell of the next one. */
export async function hasReference(scene: Scene): Promise<Check> {
  const [service] = scene.services;
  const text = service === undefined ? '' : await (await fetch(`${service.url}/metrics`)).text();
  const images = Number(/^cv_reference_images\{.*\} (\d+)$/m.exec(text)?.[1] ?? 0);
  return {
    promise: 'the new model has a reference, so that the next drift is seen',
    isKept: images > 0,
    detail: `of ${images} pictures`,
  };
}

/** Holds what the play has left behind to what it has to. */
export async function leavesBehind(scene: Scene, expected: Expected): Promise<Check[]> {
  const { registry, repository, github } = scene.parts;
  const model = await registry.model('digits');
  return compare(expected, {
    dispatches: github.dispatches.map(({ client_payload: payload }) => payload.model),
    alerts: await alertsFired(scene),
    aliases: model.aliases,
    versions: model.versions.map(({ version }) => version),
    commits: await repository.commits(),
    verdicts: await registry.verdicts('digits'),
    failures: scene.camera.failures,
  });
}
