/** k6 reads this file as it is: nothing of Node in here or in what it imports. */

/**
 * What the text of an answer 200 is compared by, whatever the task of the model: the first label in it, or its task where it has
 * none (nothing found, a vector). Undefined where it is no answer.
 */
export function labelOf(body: string): string | undefined {
  try {
    const answer: unknown = JSON.parse(body);
    return firstLabel(answer) ?? textOf(answer, 'task');
  } catch {
    return undefined;
  }
}

/** The first in an object, in the order of its fields. */
function firstLabel(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const label = textOf(value, 'label');
  if (label !== undefined) return label;
  for (const each of Object.values(value)) {
    const found = firstLabel(each);
    if (found !== undefined) return found;
  }
  return undefined;
}

function textOf(value: unknown, field: string): string | undefined {
  const text = (value as Readonly<Record<string, unknown>> | null)?.[field];
  return typeof text === 'string' ? text : undefined;
}

/** @param expected undefined where nobody has said what is right: then any answer is */
export function isRight(body: string, expected: string | undefined): boolean {
  const label = labelOf(body);
  return label !== undefined && (expected === undefined || label === expected);
}

/** What went wrong, in a word or two: the code of a problem (RFC 9457) beside the status. */
export function failureName(status: number, body: string): string {
  try {
    const code: unknown = JSON.parse(body)?.code;
    return typeof code === 'string' ? `${status} ${code}` : String(status);
  } catch {
    return String(status);
  }
}

/** An image with its right answer, as a model.json names them. */
export interface GoldenImage {
  readonly file: string;
  /** Undefined where its task has no labels. */
  readonly label: string | undefined;
}

/** The golden images of a model.json. Throws where it has none. */
export function goldenImages(manifest: string): readonly GoldenImage[] {
  const { golden = [] } = JSON.parse(manifest) as { golden?: readonly { file: string }[] };
  const images = golden
    .filter(({ file }) => contentTypeOf(file) !== undefined)
    .map((each) => ({ file: each.file, label: firstLabel(each) }));
  if (images.length === 0) throw new Error('model.json has no golden images');
  return images;
}

const TYPES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
};

/** Content type by the ending of the file's name, or undefined where it is no image of a kind that is posted. */
export function contentTypeOf(file: string): string | undefined {
  return TYPES[file.slice(file.lastIndexOf('.') + 1).toLowerCase()];
}
