import { messageOf } from '../service/errors.js';
import type { Pace } from './pace.js';
import type { Play } from './plays/play.js';
import type { Programs } from './programs.js';
import type { Point } from './prometheus.js';
import { Scene } from './scene.js';
import { type Event, Story } from './story.js';
import type { Check } from './verdict.js';
import { ANSWERS_PSI, BROKEN_SHARE, IMAGES_PSI, JUDGED_ACCURACY, Watch } from './watch.js';

const SPAN_MS = 5000;

/** Numbers over time, for the page. */
export interface Series {
  readonly accuracy: readonly Point[];
  /** The same by the feedback that people gave: what production knows. */
  readonly judgedAccuracy: readonly Point[];
  readonly imagesPsi: readonly Point[];
  readonly answersPsi: readonly Point[];
  readonly brokenShare: readonly Point[];
}

/** A play that was played. */
export interface Performance {
  readonly play: Play;
  readonly pace: Pace;
  readonly startedAt: number;
  readonly seconds: number;
  readonly events: readonly Event[];
  readonly checks: readonly Check[];
  readonly series: Series;
  readonly isGood: boolean;
}

const NOTHING: Series = { accuracy: [], judgedAccuracy: [], imagesPsi: [], answersPsi: [], brokenShare: [] };

/** Plays one play from its beginning to its end, whatever happens in it. */
export async function playOut(
  play: Play,
  programs: Programs,
  pace: Pace,
  say: (line: string) => void,
): Promise<Performance> {
  say(`\n== ${play.name}: ${play.title}. Must come of it: ${play.moral}`);
  const story = new Story(say);
  const scene = new Scene(programs, pace, story);
  let checks: Check[];
  let series = NOTHING;
  try {
    checks = await watched(scene, play);
    series = await seriesOf(scene);
  } catch (error) {
    checks = [{ promise: 'the play comes to its end', isKept: false, detail: messageOf(error) }];
  } finally {
    await scene.close();
  }
  for (const { promise, isKept, detail } of checks) {
    say(`${isKept ? 'ok  ' : 'FAIL'}  ${promise}. Seen: ${detail}`);
  }
  return {
    play,
    pace,
    startedAt: story.startedAt,
    seconds: Math.round((Date.now() - story.startedAt) / 1000),
    events: story.events,
    checks,
    series,
    isGood: checks.every(({ isKept }) => isKept),
  };
}

async function watched(scene: Scene, play: Play): Promise<Check[]> {
  const watch = new Watch(scene);
  try {
    return await play.perform(scene);
  } finally {
    await watch.close();
  }
}

async function seriesOf({ parts, camera, story }: Scene): Promise<Series> {
  const range = (expression: string): Promise<Point[]> =>
    parts.prometheus.range(expression, story.startedAt, Date.now());
  return {
    accuracy: camera.accuracyOver(SPAN_MS),
    judgedAccuracy: await range(JUDGED_ACCURACY),
    imagesPsi: await range(IMAGES_PSI),
    answersPsi: await range(ANSWERS_PSI),
    brokenShare: await range(BROKEN_SHARE),
  };
}
