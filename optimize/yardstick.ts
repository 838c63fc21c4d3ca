import { CannotGoOn, UsageError } from '../service/cli/outcome.js';
import type { Answer } from '../service/tasks/task.js';
import type { SampleImage } from './images.js';
import { type Labels, labelOf } from './labels.js';
import { progress } from './progress.js';
import { goldenImages, type Subject } from './subject.js';
import { type Evidence, scoreOf, whole, type Yardstick } from './trial.js';

/** The original's answers. Images that have none are no evidence. */
export async function makeYardstick(
  subject: Subject,
  engines: Pick<Yardstick, 'original' | 'pictures'>,
  images: readonly SampleImage[],
  labels: Labels | undefined,
): Promise<Yardstick> {
  const { original, pictures } = engines;
  const task = subject.spec.task.name;
  const known = new Set(subject.spec.task.labels(subject.spec.plan.task.spec));
  const evidence: Evidence[] = [];
  progress(`the original's answers to ${images.length} images`);
  const answers = await pictures.answers(
    images.map(({ path }) => path),
    original,
  );
  for (const [index, image] of images.entries()) {
    const answer = answers[index];
    if (answer === undefined) continue;
    const label = labels && labelOf(labels, image.name);
    if (label !== undefined) await checkLabel(task, label, known, image.name);
    const right = label ?? answer;
    evidence.push({ image, right, score: await scoreOf(task, right, answer) });
  }
  const [first] = evidence;
  if (first === undefined) throw new CannotGoOn('the model answers none of the images to prove with');
  const goldens = goldenImages(
    subject,
    evidence.map((each) => each.image),
  );
  const goldenAnswers = whole(
    await pictures.answers(
      goldens.map(({ path }) => path),
      original,
    ),
  );
  const golden = goldens.map((image, index) => ({ ...image, answer: goldenAnswers[index] ?? {} }));
  const row = await pictures.decodedRow(first.image.path);
  const isGoldenBinding = (subject.manifest.golden ?? []).length > 0;
  return { task, load: subject.load, original, pictures, row, evidence, golden, isGoldenBinding };
}

/** What is said to be right has to be right by its own measure, or everything would lose nothing against it. */
export async function checkLabel(
  task: string,
  label: Answer,
  known: ReadonlySet<string>,
  image: string,
): Promise<void> {
  const { gained, possible } = await scoreOf(task, label, label).catch(() => ({ gained: 0, possible: 1 }));
  if (gained < possible * (1 - 1e-6) || Number.isNaN(gained))
    throw new UsageError(`--labels: what is said of ${image} is no answer to ${task}`);
  const named = (label['predictions'] ?? []) as readonly { readonly label: string }[];
  const unknown = named.find((each) => !known.has(each.label));
  if (unknown !== undefined)
    throw new UsageError(
      `--labels: ${image} is said to be ${JSON.stringify(unknown.label)}, which is none of the model's labels`,
    );
}
