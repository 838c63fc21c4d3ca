import type { TensorInfo } from '../../../tensor.js';
import type { Outputs } from '../../task.js';
import {
  type BoxDecoder,
  batched,
  type DecodeContext,
  type Fit,
  floatsFor,
  matrixOf,
} from '../box-decoder.js';

/**
 * SSD whose boxes are decoded in the graph but not suppressed, as UltraFace: `scores` [N, anchors, 1 + classes], softmax
 * applied, of which the first is background, and `boxes` [N, anchors, 4], corners in parts of the image. An export with raw
 * offsets (ssd-offsets) has the same names and shapes. Source: Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB,
 * `run_video_face_detect_onnx.py`.
 */
export const ssdCorners: BoxDecoder = {
  name: 'ssd-corners',
  models: 'UltraFace; SSD without NMS',
  unit: 'input',
  needsSuppression: true,
  defaults: { threshold: 0.7, iou: 0.3 },
  fits: anchorsOf,
  decode(outputs, context, into) {
    forEachScore(outputs, context, into.threshold, (anchor, classId, score, box) => {
      const [xMin = 0, yMin = 0, xMax = 0, yMax = 0] = box;
      into.addCorners(anchor, classId, score, xMin, yMin, xMax, yMax);
    });
  },
};

/** Two outputs of as many anchors: scores with a column for background, and four values of a box. */
export function anchorsOf(outputs: readonly TensorInfo[]): Fit | undefined {
  const scores = outputs.find(({ name, shape }) => /scores|confidences/i.test(name) && shape.length === 3);
  const boxes = outputs.find(
    ({ name, shape }) => /boxes/i.test(name) && shape.length === 3 && shape[2] === 4,
  );
  if (outputs.length !== 2 || scores === undefined || boxes === undefined || boxes === scores)
    return undefined;
  const columns = scores.shape[2] ?? -1;
  return batched({ scores, boxes }, columns > 1 ? columns - 1 : undefined);
}

/** @param visit is called for every class of an anchor whose score reaches the threshold, with the anchor's four values */
export function forEachScore(
  outputs: Outputs,
  context: DecodeContext,
  threshold: number,
  visit: (anchor: number, classId: number, score: number, box: Float32Array) => void,
): void {
  const { values: scores, rows: anchors, columns } = matrixOf(outputs, context, 'scores');
  const boxes = floatsFor(outputs, context, 'boxes', 4 * anchors);
  for (let anchor = 0; anchor < anchors; anchor++) {
    for (let column = 1; column < columns; column++) {
      const score = scores[anchor * columns + column] as number;
      if (score >= threshold) visit(anchor, column - 1, score, boxes.subarray(4 * anchor, 4 * anchor + 4));
    }
  }
}
