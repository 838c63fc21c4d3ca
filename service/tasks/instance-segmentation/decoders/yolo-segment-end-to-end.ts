import type { TensorInfo } from '../../../tensor.js';
import { batched, type Fit, matrixOf } from '../../detection/box-decoder.js';
import {
  areDetections,
  DETECTION_VALUES,
  decodeDetections,
} from '../../detection/decoders/yolo-end-to-end.js';
import type { MaskDecoder } from '../mask-decoder.js';
import { prototypeMask, prototypeOutputs } from '../prototypes.js';

/**
 * YOLO26 segment, and others exported with NMS in the graph: [N, detections, 6 + prototypes], each a box by its corners in
 * pixels of the input tensor, its score, its class and a coefficient for each prototype, and prototypes
 * [N, prototypes, height, width]. Source: Ultralytics, documentation of end-to-end detection.
 */
export const yoloSegmentEndToEnd: MaskDecoder = {
  name: 'yolo-segment-end-to-end',
  models: 'YOLO26 segment, YOLO segment exported with NMS',
  unit: 'pixel',
  needsSuppression: false,
  defaults: { threshold: 0.25, iou: 0.45 },
  recognises: (outputs) => fits(outputs) !== undefined,
  fits,
  decode: decodeDetections,
  maskOf(outputs, context, candidate) {
    const { values, columns } = matrixOf(outputs, context, 'detections');
    const row = values.subarray(candidate.index * columns, (candidate.index + 1) * columns);
    return prototypeMask(outputs, context, row.subarray(DETECTION_VALUES), candidate);
  },
};

function fits(outputs: readonly TensorInfo[]): Fit | undefined {
  const found = prototypeOutputs(outputs);
  if (found === undefined || !areDetections(found.objects, found.count)) return undefined;
  return batched({ detections: found.objects, prototypes: found.prototypes }, undefined);
}
