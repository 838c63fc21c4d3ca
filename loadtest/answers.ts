/** k6 reads this file as it is: nothing of Node in here or in what it imports. */

/** What the text of an answer 200 says is in the image, or undefined where it says nothing of the kind. */
export function bestLabel(body: string): string | undefined {
  try {
    const label: unknown = JSON.parse(body)?.predictions?.[0]?.label;
    return typeof label === 'string' ? label : undefined;
  } catch {
    return undefined;
  }
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
  readonly label: string;
}

/** The golden images of a model.json. Throws where it has none. */
export function goldenImages(manifest: string): readonly GoldenImage[] {
  const { golden } = JSON.parse(manifest) as {
    golden?: readonly { file: string; predictions?: readonly { label?: string }[] }[];
  };
  const images = (golden ?? []).flatMap(({ file, predictions }) => {
    const label = predictions?.[0]?.label;
    return label === undefined ? [] : [{ file, label }];
  });
  if (images.length === 0) throw new Error('model.json has no golden images with labels');
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
