import type { Static, TProperties } from 'typebox';
import { closed, Type } from '../../json-schema.js';
import type { Golden } from '../task.js';
import { type Box, BoxSchema, ratio } from './objects.js';
import { overlap } from './suppression.js';

const DEFAULT_IOU = 0.9;

/**
 * What golden images say that is to be found in them.
 * @param ofObject what a task compares of each object as well
 * @param ofImage and how
 */
export function goldenObjectsSchema<Object extends TProperties, Image extends TProperties>(
  ofObject: Object,
  ofImage: Image,
) {
  const fields = { label: Type.String(), score: Type.Number(), box: BoxSchema };
  return Type.Object(
    {
      predictions: Type.Array(Type.Object({ ...fields, ...ofObject }, closed), {
        description: 'all that is expected',
      }),
      tolerance: Type.Number({ minimum: 0, description: 'largest allowed difference of a score' }),
      iou: Type.Optional(ratio(`least overlap of a box with the expected one; default ${DEFAULT_IOU}`)),
      ...ofImage,
    },
    closed,
  );
}
export const GoldenObjectsSchema = goldenObjectsSchema({}, {});
export type GoldenObjects = Golden & Static<typeof GoldenObjectsSchema>;

interface Labelled {
  readonly label: string;
  readonly score: number;
  readonly box: Box;
}

interface Expected<Wanted> extends Omit<GoldenObjects, 'predictions'> {
  readonly predictions: readonly Wanted[];
}

/**
 * Every expected object has to be found, and nothing else that is surer than the least sure of them: what lies at the
 * threshold may be on either side of it. What is wrong, or undefined.
 * @param agree whether they are the same in what is neither label, score nor box
 */
export function objectsDiffer<Wanted extends Labelled, Found extends Labelled>(
  { predictions, tolerance, iou = DEFAULT_IOU }: Expected<Wanted>,
  given: readonly Found[],
  agree: (wanted: Wanted, found: Found) => boolean = () => true,
): string | undefined {
  const left = new Set(given);
  for (const wanted of predictions) {
    const match = [...left].find(
      (found) =>
        found.label === wanted.label &&
        Math.abs(found.score - wanted.score) <= tolerance &&
        overlap(cornersOf(found.box), cornersOf(wanted.box)) >= iou &&
        agree(wanted, found),
    );
    if (match === undefined) return `expected ${shown(wanted)}, got ${nearest(wanted, given)}`;
    left.delete(match);
  }
  const least = Math.min(1, ...predictions.map(({ score }) => score));
  const surplus = [...left].find(({ score }) => score > least + tolerance);
  return surplus && `expected ${predictions.length} objects, got ${shown(surplus)} as well`;
}

function cornersOf({ x_min, y_min, x_max, y_max }: Box) {
  return { xMin: x_min, yMin: y_min, xMax: x_max, yMax: y_max };
}

function nearest(wanted: Labelled, found: readonly Labelled[]): string {
  const overlapOf = ({ box }: Labelled): number => overlap(cornersOf(box), cornersOf(wanted.box));
  const [best] = found.toSorted((one, other) => overlapOf(other) - overlapOf(one));
  return best === undefined ? 'nothing' : shown(best);
}

function shown({ label, score, box }: Labelled): string {
  return `${label} at ${score.toFixed(4)} in ${box.x_min},${box.y_min} to ${box.x_max},${box.y_max}`;
}
