import type { Answer, Golden } from '../service/tasks/task.js';

type Entry = (file: string, answer: Answer) => Golden;

/** Largest difference of a score of a new golden image; those of the original keep their own. */
const TOLERANCE = { score: 0.02, object: 0.05, share: 0.02, value: 1e-3 };
/** A golden image shows what is most sure. */
const MOST_PREDICTIONS = 3;

interface Predicted {
  readonly label: string;
  readonly score: number;
  readonly box?: object;
  readonly area?: number;
}

const objects: Entry = (file, answer) => ({
  file,
  predictions: (answer['predictions'] as readonly Predicted[]).map(({ label, score, box, area }) => ({
    label,
    score,
    box,
    ...(area !== undefined && { area }),
  })),
  tolerance: TOLERANCE.object,
});

/** By task: a golden entry that expects this answer. */
export const GOLDEN_ENTRIES: Readonly<Record<string, Entry>> = {
  classification: (file, answer) => ({
    file,
    predictions: (answer['predictions'] as readonly Predicted[])
      .slice(0, MOST_PREDICTIONS)
      .map(({ label, score }) => ({ label, score })),
    tolerance: TOLERANCE.score,
  }),
  detection: objects,
  keypoints: objects,
  'instance-segmentation': objects,
  segmentation: (file, answer) => ({
    file,
    classes: (answer['classes'] as readonly { label: string; share: number }[]).map(({ label, share }) => ({
      label,
      share,
    })),
    tolerance: TOLERANCE.share,
  }),
  embedding: (file, answer) => ({ file, embedding: answer['embedding'] }),
  raw: (file, answer) => {
    const outputs = answer['outputs'] as readonly { name: string; data: readonly unknown[] }[];
    const largest = Math.max(
      0,
      ...outputs.flatMap(({ data }) => data.map((value) => Math.abs(Number(value)))),
    );
    return {
      file,
      outputs: outputs.map(({ name, data }) => ({ name, data })),
      tolerance: Math.max(TOLERANCE.value, TOLERANCE.score * largest),
    };
  },
};

/** The golden entries anew: what was expected of each, how near it has to be as before. */
export function goldenAnew(task: string, before: readonly Golden[], file: string, answer: Answer): Golden {
  const entry = GOLDEN_ENTRIES[task]?.(file, answer);
  if (entry === undefined) throw new Error(`there is no golden answer of ${task}`);
  const former = before.find((each) => each.file === file) as Readonly<Record<string, unknown>> | undefined;
  const limits = ['tolerance', 'iou', 'area_tolerance', 'cosine'].filter(
    (name) => former?.[name] !== undefined,
  );
  return { ...entry, ...Object.fromEntries(limits.map((name) => [name, former?.[name]])) };
}
