/** Bounds what a malformed output can cost: no decoder has more anchors than a 1920x1920 input of the YOLO kind. */
const MAX_CANDIDATES = 100_000;

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

/** Collects candidates from the threshold on. What is not a number is never kept. */
export class Candidates {
  readonly all: Candidate[] = [];
  /** Lowest score that is kept. */
  readonly threshold: number;

  constructor(threshold: number) {
    this.threshold = threshold;
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
    if (!(score >= this.threshold) || this.all.length === MAX_CANDIDATES) return;
    if (!Number.isFinite(xMin + yMin + xMax + yMax)) return;
    this.all.push({ xMin, yMin, xMax, yMax, score, classId, index });
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
}
