import { type BoxDecoder, floatsFor, outputOf } from '../box-decoder.js';

const ROLES = { boxes: 'detection_boxes', scores: 'detection_scores', classes: 'detection_classes' } as const;

/**
 * SSD and others of TensorFlow's object detection API, with NMS in the graph: `detection_boxes` [N, detections, 4] as y_min,
 * x_min, y_max, x_max in parts of the image, `detection_scores` and `detection_classes` [N, detections], the latter from 1 on
 * (0 would be background); `num_detections` says how many are used, and the others have the score 0.
 * Source: onnx/models, ssd-mobilenetv1.
 */
export const ssd: BoxDecoder = {
  name: 'ssd',
  models: "SSD of TensorFlow's object detection API, with NMS",
  unit: 'input',
  needsSuppression: false,
  defaults: { threshold: 0.5, iou: 1 },
  fits(outputs) {
    const found = Object.entries(ROLES).map(([role, name]) => {
      return [role, outputs.find((output) => output.name.replace(/:\d+$/, '') === name)?.name] as const;
    });
    const names = found.flatMap(([, name]) => (name === undefined ? [] : [name]));
    if (names.length < found.length) return undefined;
    return {
      roles: Object.fromEntries(found) as Record<string, string>,
      outputs: names.map((name) => ({ name, isBatched: true })),
      classes: undefined,
    };
  },
  decode(outputs, context, into) {
    const detections = outputOf(outputs, context, 'scores').data.length;
    const scores = floatsFor(outputs, context, 'scores', detections);
    const boxes = floatsFor(outputs, context, 'boxes', 4 * detections);
    const classes = floatsFor(outputs, context, 'classes', detections);
    for (let index = 0; index < detections; index++) {
      const [yMin = 0, xMin = 0, yMax = 0, xMax = 0] = boxes.subarray(index * 4);
      const score = scores[index] ?? 0;
      if (score <= 0) continue;
      into.addCorners(index, Math.round(classes[index] ?? 0), score, xMin, yMin, xMax, yMax);
    }
  },
};
