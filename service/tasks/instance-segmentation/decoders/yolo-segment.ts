import type { TensorInfo } from '../../../tensor.js';
import { batched, type Fit, matrixOf } from '../../detection/box-decoder.js';
import { BOX_VALUES, decodeAnchors } from '../../detection/decoders/yolo.js';
import type { MaskDecoder } from '../mask-decoder.js';
import { prototypeMask, prototypeOutputs } from '../prototypes.js';

/**
 * YOLOv8 and v11 segment: [N, 4 + classes + prototypes, anchors], channels first, and prototypes [N, prototypes, height, width].
 * Each anchor has centre, width and height in pixels of the input tensor, a score for each class, sigmoid applied, and a
 * coefficient for each prototype. Source: Ultralytics, `ultralytics/nn/modules/head.py` (Segment).
 */
export const yoloSegment: MaskDecoder = {
  name: 'yolo-segment',
  models: 'YOLOv8, v11 segment',
  unit: 'pixel',
  needsSuppression: true,
  defaults: { threshold: 0.25, iou: 0.45 },
  recognises: (outputs) => fits(outputs) !== undefined,
  fits,
  decode: decodeAnchors,
  maskOf(outputs, context, candidate) {
    const { values, rows, columns: anchors } = matrixOf(outputs, context, 'boxes');
    const first = BOX_VALUES + (context.classes ?? 0);
    const coefficients = Float32Array.from(
      { length: rows - first },
      (_, row) => values[(first + row) * anchors + candidate.index] ?? Number.NaN,
    );
    return prototypeMask(outputs, context, coefficients, candidate);
  },
};

function fits(outputs: readonly TensorInfo[]): Fit | undefined {
  const found = prototypeOutputs(outputs);
  if (found === undefined) return undefined;
  const { objects, prototypes, count } = found;
  const [, rows = -1, anchors = -1] = objects.shape;
  const classes = rows - BOX_VALUES - count;
  if (classes < 1 || (anchors > 0 && anchors <= rows)) return undefined;
  return batched({ boxes: objects, prototypes }, classes);
}
