/** Scores of every class at every cell of a grid over the input tensor. */
export interface ScoreGrid {
  /** Class by class, row by row. */
  readonly values: Float32Array;
  /** At most 256. */
  readonly classes: number;
  readonly width: number;
  readonly height: number;
}
