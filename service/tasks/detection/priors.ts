/** Boxes that an SSD starts from: on each grid some squares around the middle of every cell. */
export interface Priors {
  /** Of each grid: pixels of the input tensor from cell to cell. */
  readonly strides: readonly number[];
  /** Of each grid: the sides of its squares, pixels of the input tensor. */
  readonly sizes: readonly (readonly number[])[];
  /** What offsets of the centre and of the size are multiplied by. */
  readonly centerVariance: number;
  readonly sizeVariance: number;
}

/** Centre and size, pixels of the input tensor. */
export interface Prior {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** UltraFace's. Source: Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB, `vision/ssd/config/fd_config.py`. */
export const DEFAULT_PRIORS: Priors = {
  strides: [8, 16, 32, 64],
  sizes: [
    [10, 16, 24],
    [32, 48],
    [64, 96],
    [128, 192, 256],
  ],
  centerVariance: 0.1,
  sizeVariance: 0.2,
};

/** Of all grids, for an input tensor of that size. */
export function countPriors(priors: Priors, width: number, height: number): number {
  return priors.strides.reduce((sum, _, grid) => sum + countIn(grid, priors, width, height), 0);
}

/**
 * The grids follow each other; in each the cells row by row, in each of them its squares. Where cells do not fit into the tensor
 * they are a little smaller than the stride, and so fill it. No square is larger than the tensor.
 */
export function priorAt(index: number, priors: Priors, width: number, height: number): Prior {
  let rest = index;
  let grid = 0;
  while (grid < priors.strides.length - 1 && rest >= countIn(grid, priors, width, height)) {
    rest -= countIn(grid++, priors, width, height);
  }
  const stride = priors.strides[grid] ?? 1;
  const sizes = priors.sizes[grid] ?? [];
  const cell = Math.floor(rest / sizes.length);
  const [columns, rows] = [Math.ceil(width / stride), Math.ceil(height / stride)];
  const size = sizes[rest % sizes.length] ?? 0;
  return {
    x: ((cell % columns) + 0.5) * (width / columns),
    y: (Math.floor(cell / columns) + 0.5) * (height / rows),
    width: Math.min(size, width),
    height: Math.min(size, height),
  };
}

function countIn(grid: number, { strides, sizes }: Priors, width: number, height: number): number {
  const stride = strides[grid] ?? 1;
  return Math.ceil(width / stride) * Math.ceil(height / stride) * (sizes[grid]?.length ?? 0);
}
