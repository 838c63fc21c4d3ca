/** Bounds what a malformed output can cost: no decoder has more anchors than a 1920x1920 input of the YOLO kind. */
const MAX_CANDIDATES = 100_000;
const FIRST_CAPACITY = 256;
/** Positions below MAX_CANDIDATES fit in as many values; a 32-bit float times that is a whole number that a double holds. */
const POSITIONS = 2 ** 17;

/** One box that may be kept. Coordinates in pixels of the input tensor; x_max and y_max lie on its far edge. */
export interface Candidate {
  readonly xMin: number;
  readonly yMin: number;
  readonly xMax: number;
  readonly yMax: number;
  /** 0 to 1. */
  readonly score: number;
  readonly classId: number;
  /** Where it stands in the model's outputs, for what else a decoder reads of it. */
  readonly index: number;
}

export interface CandidateOptions {
  /** Lowest score that is kept. */
  readonly threshold: number;
  /** Pixels of the input tensor to one unit of the coordinates that a decoder adds. */
  readonly scaleX: number;
  readonly scaleY: number;
  /** Which classes are kept; default: all. */
  readonly keepsClass?: (classId: number) => boolean;
}

/**
 * Collects candidates from the threshold on. What is not a number, has no area or no class is never kept.
 * In arrays of numbers and not of objects: there may be thousands of which a few stay.
 */
export class Candidates {
  /** Lowest score that is kept. */
  readonly threshold: number;
  readonly #options: CandidateOptions;
  #length = 0;
  #corners = new Float64Array(4 * FIRST_CAPACITY);
  #scores = new Float32Array(FIRST_CAPACITY);
  #classIds = new Int32Array(FIRST_CAPACITY);
  #indexes = new Uint32Array(FIRST_CAPACITY);

  constructor(options: CandidateOptions) {
    this.threshold = options.threshold;
    this.#options = options;
  }

  /** By its corners. */
  addCorners(
    index: number,
    classId: number,
    score: number,
    xMin: number,
    yMin: number,
    xMax: number,
    yMax: number,
  ): void {
    if (!(score >= this.threshold) || this.#length === MAX_CANDIDATES) return;
    if (!Number.isFinite(score + xMin + yMin + xMax + yMax) || !(xMax > xMin && yMax > yMin)) return;
    const { scaleX, scaleY, keepsClass } = this.#options;
    if (!(classId >= 0) || keepsClass?.(classId) === false) return;
    const at = this.#length++;
    if (at === this.#scores.length) this.#grow();
    this.#corners[4 * at] = xMin * scaleX;
    this.#corners[4 * at + 1] = yMin * scaleY;
    this.#corners[4 * at + 2] = xMax * scaleX;
    this.#corners[4 * at + 3] = yMax * scaleY;
    // Not -0, whose bits are those of a large number.
    this.#scores[at] = score + 0;
    this.#classIds[at] = classId;
    this.#indexes[at] = index;
  }

  /** By its centre and size. */
  addCentre(
    index: number,
    classId: number,
    score: number,
    x: number,
    y: number,
    width: number,
    height: number,
  ): void {
    const [halfWidth, halfHeight] = [width / 2, height / 2];
    this.addCorners(index, classId, score, x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight);
  }

  /** Four of each: x_min, y_min, x_max, y_max. */
  get corners(): Float64Array {
    return this.#corners;
  }

  get classIds(): Int32Array {
    return this.#classIds;
  }

  at(position: number): Candidate {
    const [xMin = 0, yMin = 0, xMax = 0, yMax = 0] = this.#corners.subarray(4 * position, 4 * position + 4);
    return {
      xMin,
      yMin,
      xMax,
      yMax,
      score: this.#scores[position] ?? 0,
      classId: this.#classIds[position] ?? 0,
      index: this.#indexes[position] ?? 0,
    };
  }

  /**
   * Positions of all, the better first; equal ones in the order in which they came. Scores are not negative, so that their
   * bits have their order; these with the position behind them are sorted as numbers, which needs no callback.
   */
  bestFirst(): Uint32Array {
    const bits = new Uint32Array(this.#scores.buffer, 0, this.#length);
    const keys = new Float64Array(this.#length);
    for (let at = 0; at < keys.length; at++) keys[at] = -((bits[at] ?? 0) * POSITIONS) + at;
    keys.sort();
    const positions = new Uint32Array(keys.length);
    for (let rank = 0; rank < keys.length; rank++) {
      const key = keys[rank] ?? 0;
      positions[rank] = key - Math.floor(key / POSITIONS) * POSITIONS;
    }
    return positions;
  }

  #grow(): void {
    const capacity = 2 * this.#scores.length;
    this.#corners = grown(this.#corners, new Float64Array(4 * capacity));
    this.#scores = grown(this.#scores, new Float32Array(capacity));
    this.#classIds = grown(this.#classIds, new Int32Array(capacity));
    this.#indexes = grown(this.#indexes, new Uint32Array(capacity));
  }
}

function grown<Values extends Float64Array | Float32Array | Int32Array | Uint32Array>(
  from: Values,
  to: Values,
): Values {
  to.set(from);
  return to;
}
