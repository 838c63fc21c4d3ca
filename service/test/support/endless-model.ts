import { REDNESS } from './heavy-model.js';
import type { Colour } from './images.js';
import type { OnnxModel, OnnxTensor } from './onnx.js';

const scalar = (name: string, type: OnnxTensor['type'] = 'float32'): OnnxTensor => ({
  name,
  type,
  shape: [],
});

/** What a Loop without an end repeats. */
const BODY: OnnxModel = {
  inputs: [scalar('round', 'int64'), scalar('condition', 'bool'), scalar('before')],
  outputs: [scalar('still', 'bool'), scalar('after')],
  nodes: [
    { op: 'Identity', inputs: ['condition'], outputs: ['still'] },
    { op: 'Identity', inputs: ['before'], outputs: ['after'] },
  ],
};

/**
 * As meanColourModel, but a run does not end when an image of its batch is redder than `threshold`: 0 to 1, what red
 * exceeds green by. Below 0 no run ends.
 */
export function endlessModel(threshold: number): OnnxModel {
  return {
    inputs: [{ name: 'image', shape: ['batch', 3, 4, 4] }],
    outputs: [{ name: 'scores', shape: ['batch', 3] }],
    constants: [
      ...REDNESS.constants,
      { name: 'threshold', shape: [], data: new Float32Array([threshold]) },
      { name: 'nothing', shape: [], data: new Float32Array([0]) },
    ],
    nodes: [
      ...REDNESS.nodes,
      { op: 'ReduceMax', inputs: ['redness'], outputs: ['reddest'], attributes: { keepdims: 0 } },
      { op: 'Greater', inputs: ['reddest', 'threshold'], outputs: ['condition'] },
      { op: 'Loop', inputs: ['', 'condition', 'nothing'], outputs: ['zero'], attributes: { body: BODY } },
      { op: 'Add', inputs: ['means', 'zero'], outputs: ['scores'] },
    ],
  };
}

/** The run of which `endlessModel(0.9)` does not end. */
export const ENDLESS_COLOUR: Colour = { r: 255, g: 0, b: 0 };
/** What it answers at once. */
export const QUICK_COLOUR: Colour = { r: 0, g: 200, b: 0 };

/** Loading it takes hours: ONNX Runtime multiplies constants when it loads them. */
export function unloadableModel(size = 2048, rounds = 20_000): OnnxModel {
  const steps = Array.from({ length: rounds }, (_, round) => ({
    op: 'MatMul',
    inputs: [round === 0 ? 'matrix' : `step${round - 1}`, 'matrix'],
    outputs: [`step${round}`],
  }));
  return {
    inputs: [{ name: 'image', shape: ['batch', 3, 4, 4] }],
    outputs: [{ name: 'scores', shape: ['batch', 3] }],
    constants: [
      { name: 'sizes', shape: [2], data: new BigInt64Array([BigInt(size), BigInt(size)]) },
      { name: 'least', shape: [1, 1], data: new Float32Array([0]) },
    ],
    nodes: [
      { op: 'Expand', inputs: ['least', 'sizes'], outputs: ['matrix'] },
      ...steps,
      { op: 'ReduceMean', inputs: [`step${rounds - 1}`], outputs: ['zero'], attributes: { keepdims: 0 } },
      { op: 'ReduceMean', inputs: ['image'], outputs: ['means'], attributes: { axes: [2, 3], keepdims: 0 } },
      { op: 'Add', inputs: ['means', 'zero'], outputs: ['scores'] },
    ],
  };
}
