import { stat } from 'node:fs/promises';
import { medianInterval } from '../loadtest/compare/bootstrap.js';
import { median } from '../service/bench/statistics.js';
import type { Row } from '../service/inference/runner.js';
import type { Answer } from '../service/tasks/task.js';
import type { Trial } from './choose.js';
import { Engine } from './engine.js';
import type { Load } from './engine-process.js';
import type { SampleImage } from './images.js';
import { lossOf } from './loss.js';
import type { Pictures } from './pictures.js';
import type { Made } from './quantize.js';
import { MEASURES, type Score } from './score.js';
import type { GoldenImage } from './subject.js';

/** An image with what is right about it, and what the original makes of it. */
export interface Evidence {
  readonly image: SampleImage;
  readonly right: Answer;
  readonly score: Score;
}

/** What every candidate is held against. */
export interface Yardstick {
  readonly task: string;
  readonly load: Load;
  readonly original: Engine;
  readonly pictures: Pictures;
  /** What is run while time is measured. */
  readonly row: Row;
  readonly evidence: readonly Evidence[];
  readonly golden: readonly (GoldenImage & { readonly answer: Answer })[];
  /** Whether the model's makers chose the golden images, so that each must be answered as before. */
  readonly isGoldenBinding: boolean;
}

export interface Tried extends Trial {
  readonly made: Made;
  /** To the images of the evidence; none where it is not faster. */
  readonly answers: readonly Answer[];
  readonly goldenAnswers: readonly Answer[];
  readonly originalMs: readonly number[];
  readonly originalMemoryBytes: number;
}

const ROUNDS = 21;
/** Of what there is to gain in a golden image: fewer, and another answer is given. */
const SAME_ANSWER = 0.9;

/** Time and memory first; answers only where it is faster. Throws where it cannot be loaded, or has no answer. */
export async function tryOut(made: Made, yardstick: Yardstick): Promise<Tried> {
  const engine = await Engine.start({ ...yardstick.load, modelPath: made.file });
  try {
    const times = await interleaved(yardstick.original, engine, yardstick.row);
    const ratios = times.map(({ original, candidate }) => original / candidate);
    const speed = {
      name: made.name,
      settings: made.settings,
      made,
      speedup: median(ratios),
      speedupInterval: medianInterval(ratios),
      ms: median(times.map(({ candidate }) => candidate)),
      memoryBytes: Math.max(...times.map(({ memoryBytes }) => memoryBytes)),
      fileBytes: (await stat(made.file)).size,
      originalMs: times.map(({ original }) => original),
      originalMemoryBytes: Math.max(...times.map((each) => each.originalMemoryBytes)),
    };
    const isFaster = speed.speedupInterval.from > 1;
    return { ...speed, ...(isFaster ? await answersOf(engine, yardstick) : NOTHING_ANSWERED) };
  } finally {
    engine.end();
  }
}

const NOTHING_ANSWERED = { loss: undefined, answers: [], goldenAnswers: [], goldenChanged: [] } as const;

async function answersOf(
  engine: Engine,
  { task, pictures, evidence, golden, isGoldenBinding }: Yardstick,
): Promise<Pick<Tried, 'loss' | 'answers' | 'goldenAnswers' | 'goldenChanged'>> {
  const answers = whole(
    await pictures.answers(
      evidence.map(({ image }) => image.path),
      engine,
    ),
  );
  const scores = await Promise.all(
    evidence.map(({ right }, index) => scoreOf(task, right, answers[index] ?? {})),
  );
  const goldenAnswers = whole(
    await pictures.answers(
      golden.map(({ path }) => path),
      engine,
    ),
  );
  const goldenChanged: string[] = [];
  for (const [index, { file, answer }] of golden.entries()) {
    const { gained, possible } = await scoreOf(task, answer, goldenAnswers[index] ?? {});
    if (isGoldenBinding && gained < SAME_ANSWER * possible) goldenChanged.push(file);
  }
  const loss = lossOf(
    evidence.map(({ score }) => score),
    scores,
  );
  return { loss, answers, goldenAnswers, goldenChanged };
}

/** Throws where an image has none. */
export function whole(answers: readonly (Answer | undefined)[]): Answer[] {
  const given = answers.filter((answer) => answer !== undefined);
  const missing = answers.length - given.length;
  if (missing > 0) throw new Error(`it has no answer to ${missing} of ${answers.length} images`);
  return given;
}

export async function scoreOf(task: string, right: Answer, given: Answer): Promise<Score> {
  const measure = MEASURES[task];
  if (measure === undefined) throw new Error(`there is no measure of ${task}`);
  return measure.score(right, given);
}

interface Round {
  readonly original: number;
  readonly candidate: number;
  readonly memoryBytes: number;
  readonly originalMemoryBytes: number;
}

/** Each round has both, in turns the one or the other first, so that what drifts hits both alike. */
async function interleaved(original: Engine, candidate: Engine, row: Row): Promise<Round[]> {
  for (const engine of [original, candidate]) await engine.time(row);
  const rounds: Round[] = [];
  for (let index = 0; index < ROUNDS; index++) {
    const order = index % 2 === 0 ? [original, candidate] : [candidate, original];
    const timed = new Map<Engine, Awaited<ReturnType<Engine['time']>>>();
    for (const engine of order) timed.set(engine, await engine.time(row));
    const [before, after] = [timed.get(original), timed.get(candidate)];
    if (before === undefined || after === undefined) continue;
    rounds.push({
      original: before.ms,
      candidate: after.ms,
      memoryBytes: after.memoryBytes,
      originalMemoryBytes: before.memoryBytes,
    });
  }
  return rounds;
}
