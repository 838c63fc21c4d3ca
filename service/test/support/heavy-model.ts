import type { Colour } from './images.js';
import type { OnnxModel } from './onnx.js';

/** The head of a model whose work depends on its images: their `means`, and their `redness`, what red exceeds green by. */
export const REDNESS = {
  constants: [
    { name: 'first', shape: [1], data: new BigInt64Array([0n]) },
    { name: 'second', shape: [1], data: new BigInt64Array([1n]) },
  ],
  nodes: [
    { op: 'ReduceMean', inputs: ['image'], outputs: ['means'], attributes: { axes: [2, 3], keepdims: 0 } },
    { op: 'Gather', inputs: ['means', 'first'], outputs: ['red'], attributes: { axis: 1 } },
    { op: 'Gather', inputs: ['means', 'second'], outputs: ['green'], attributes: { axis: 1 } },
    { op: 'Sub', inputs: ['red', 'green'], outputs: ['redness'] },
  ],
} as const;

/**
 * As meanColourModel, but the redder the reddest image of a batch, the longer the run: it decides how large the
 * matrices are that are multiplied `rounds` times, up to `size` by `size`. Red is what exceeds green: warm-up, which
 * runs on grey, is quick.
 * A round of 1024 takes 20 to 40 ms on one core.
 */
export function heavyModel(rounds: number, size = 1024): OnnxModel {
  const steps = Array.from({ length: rounds }, (_, round) => ({
    op: 'MatMul',
    inputs: [round === 0 ? 'matrix' : `step${round - 1}`, 'matrix'],
    outputs: [`step${round}`],
  }));
  return {
    inputs: [{ name: 'image', shape: ['batch', 3, 4, 4] }],
    outputs: [{ name: 'scores', shape: ['batch', 3] }],
    constants: [
      ...REDNESS.constants,
      { name: 'sizes', shape: [2], data: new Float32Array([size, size]) },
      { name: 'least', shape: [2], data: new Float32Array([1, 1]) },
      { name: 'nothing', shape: [1, 1], data: new Float32Array([0]) },
    ],
    nodes: [
      ...REDNESS.nodes,
      { op: 'Relu', inputs: ['redness'], outputs: ['reds'] },
      { op: 'ReduceMax', inputs: ['reds'], outputs: ['reddest'], attributes: { keepdims: 0 } },
      { op: 'Mul', inputs: ['sizes', 'reddest'], outputs: ['scaled'] },
      { op: 'Add', inputs: ['scaled', 'least'], outputs: ['raised'] },
      { op: 'Cast', inputs: ['raised'], outputs: ['shape'], attributes: { to: 7 } },
      { op: 'Expand', inputs: ['nothing', 'shape'], outputs: ['matrix'] },
      ...steps,
      { op: 'ReduceMean', inputs: [`step${rounds - 1}`], outputs: ['zero'], attributes: { keepdims: 0 } },
      { op: 'Add', inputs: ['means', 'zero'], outputs: ['scores'] },
    ],
  };
}

/** Images that occupy a heavy model for all its rounds; told apart by their blue. */
export function heavyColour(index: number): Colour {
  return { r: 255, g: 0, b: index };
}

/** Images that it answers at once. */
export function quickColour(index: number): Colour {
  return { r: 0, g: 200, b: index };
}
