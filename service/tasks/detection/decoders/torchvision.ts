import type { TensorInfo } from '../../../tensor.js';
import { type BoxDecoder, floatsFor, outputOf } from '../box-decoder.js';

const WHOLE_NUMBERS = new Set(['int64', 'int32']);

/**
 * Detectors of torchvision (Faster R-CNN, RetinaNet, FCOS, SSD): NMS in the graph, one image a run, and no batch in its
 * outputs. Boxes [detections, 4] by their corners in pixels of the input tensor, labels [detections] as whole numbers of which
 * 0 is background, scores [detections]; exporters name them as they like, so that type and shape tell them apart.
 * Source: pytorch/vision, `torchvision/models/detection/generalized_rcnn.py`.
 */
export const torchvision: BoxDecoder = {
  name: 'torchvision',
  models: 'Faster R-CNN, RetinaNet, FCOS and SSD of torchvision',
  unit: 'pixel',
  needsSuppression: false,
  defaults: { threshold: 0.5, iou: 1 },
  fits(outputs) {
    const isWhole = ({ type }: TensorInfo): boolean => WHOLE_NUMBERS.has(type);
    const lists = outputs.filter(({ shape }) => shape.length === 1);
    const boxes = outputs.find(({ shape }) => shape.length === 2 && shape[1] === 4);
    const labels = lists.find(isWhole);
    const scores = lists.find((output) => !isWhole(output));
    if (boxes === undefined || labels === undefined || scores === undefined) return undefined;
    return {
      roles: { boxes: boxes.name, labels: labels.name, scores: scores.name },
      outputs: [boxes, labels, scores].map(({ name }) => ({ name, isBatched: false })),
      classes: undefined,
    };
  },
  decode(outputs, context, into) {
    const detections = outputOf(outputs, context, 'scores').data.length;
    const scores = floatsFor(outputs, context, 'scores', detections);
    const boxes = floatsFor(outputs, context, 'boxes', 4 * detections);
    const labels = floatsFor(outputs, context, 'labels', detections);
    for (let index = 0; index < detections; index++) {
      const [xMin = 0, yMin = 0, xMax = 0, yMax = 0] = boxes.subarray(index * 4);
      into.addCorners(index, labels[index] ?? 0, scores[index] ?? 0, xMin, yMin, xMax, yMax);
    }
  },
};
