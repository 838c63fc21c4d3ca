import { floatsOf, type TensorInfo } from '../../../tensor.js';
import { type BoxDecoder, outputOf } from '../box-decoder.js';

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
    const boxes = floatsOf(outputOf(outputs, context, 'boxes'));
    const labels = floatsOf(outputOf(outputs, context, 'labels'));
    const scores = floatsOf(outputOf(outputs, context, 'scores'));
    for (let index = 0; index < scores.length; index++) {
      const [xMin = 0, yMin = 0, xMax = 0, yMax = 0] = boxes.subarray(index * 4);
      into.addCorners(index, labels[index] ?? 0, scores[index] ?? 0, xMin, yMin, xMax, yMax);
    }
  },
};
