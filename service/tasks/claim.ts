import { overlap } from './detection/suppression.js';

/** What an answer says of an image, in the words in which somebody who looked at it would: its label, or all its objects. */
export type Claim = { readonly label: string } | { readonly objects: readonly LabelledBox[] };

export interface LabelledBox {
  readonly label: string;
  /** Pixels of the image as a person sees it. */
  readonly box: {
    readonly x_min: number;
    readonly y_min: number;
    readonly x_max: number;
    readonly y_max: number;
  };
}

/** Intersection over union from which on a box is where somebody drew it, as in PASCAL VOC. */
const LEAST_OVERLAP = 0.5;

/** Whether an answer is right: the same label, or the same objects, each where it is, and no others. */
export function agrees(claim: Claim, truth: Claim): boolean {
  if ('label' in claim) return 'label' in truth && claim.label === truth.label;
  return 'objects' in truth && areSame(claim.objects, truth.objects);
}

/** Each takes the best that is left of its label. */
function areSame(claimed: readonly LabelledBox[], wanted: readonly LabelledBox[]): boolean {
  if (claimed.length !== wanted.length) return false;
  const left = new Set(claimed);
  for (const { label, box } of wanted) {
    const overlapOf = (each: LabelledBox): number => overlap(cornersOf(each.box), cornersOf(box));
    const [best] = [...left]
      .filter((each) => each.label === label && overlapOf(each) >= LEAST_OVERLAP)
      .toSorted((one, other) => overlapOf(other) - overlapOf(one));
    if (best === undefined) return false;
    left.delete(best);
  }
  return true;
}

function cornersOf({ x_min, y_min, x_max, y_max }: LabelledBox['box']) {
  return { xMin: x_min, yMin: y_min, xMax: x_max, yMax: y_max };
}
