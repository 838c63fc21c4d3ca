import { floatsOf } from '../../../tensor.js';
import { type BoxDecoder, matrixOf, outputOf } from '../box-decoder.js';

/**
 * SSD whose boxes are decoded in the graph but not suppressed, as UltraFace: `scores` [N, anchors, 1 + classes], softmax
 * applied, of which the first is background, and `boxes` [N, anchors, 4], corners in parts of the image. An export with raw
 * offsets has the same names and shapes. Source: Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB,
 * `run_video_face_detect_onnx.py`.
 */
export const ssdCorners: BoxDecoder = {
  name: 'ssd-corners',
  models: 'UltraFace; SSD without NMS',
  needsSuppression: true,
  defaults: { threshold: 0.7, iou: 0.3 },
  fits(outputs) {
    const scores = outputs.find(({ name, shape }) => /scores|confidences/i.test(name) && shape.length === 3);
    const boxes = outputs.find(
      ({ name, shape }) => /boxes/i.test(name) && shape.length === 3 && shape[2] === 4,
    );
    if (outputs.length !== 2 || scores === undefined || boxes === undefined || boxes === scores)
      return undefined;
    const columns = scores.shape[2] ?? -1;
    return {
      roles: { scores: scores.name, boxes: boxes.name },
      outputs: [scores, boxes].map(({ name }) => ({ name, isBatched: true })),
      classes: columns > 1 ? columns - 1 : undefined,
    };
  },
  decode(outputs, context, into) {
    const tensor = outputOf(outputs, context, 'scores');
    const [anchors, columns] = matrixOf(tensor, 'scores');
    const scores = floatsOf(tensor);
    const boxes = floatsOf(outputOf(outputs, context, 'boxes'));
    const { width, height } = context;
    for (let anchor = 0; anchor < anchors; anchor++) {
      for (let column = 1; column < columns; column++) {
        const score = scores[anchor * columns + column] ?? 0;
        if (!(score >= into.threshold)) continue;
        const [xMin = 0, yMin = 0, xMax = 0, yMax = 0] = boxes.subarray(anchor * 4);
        into.addCorners(anchor, column - 1, score, xMin * width, yMin * height, xMax * width, yMax * height);
      }
    }
  },
};
