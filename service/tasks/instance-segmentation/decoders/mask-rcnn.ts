import { floatsOf, type TensorInfo } from '../../../tensor.js';
import { type Fit, outputOf, ShapeError } from '../../detection/box-decoder.js';
import type { Candidate } from '../../detection/candidates.js';
import { torchvision } from '../../detection/decoders/torchvision.js';
import type { MaskDecoder, MaskGrid } from '../mask-decoder.js';

/**
 * Mask R-CNN of torchvision: boxes, labels and scores as its detectors have them, and masks [detections, 1, height, width] of
 * probabilities, pasted into the size of the input; of exports that leave that out they lie over the box (28x28).
 * Source: pytorch/vision, `torchvision/models/detection/roi_heads.py` (paste_masks_in_image).
 */
export const maskRcnn: MaskDecoder = {
  ...torchvision,
  name: 'mask-rcnn',
  models: 'Mask R-CNN of torchvision',
  recognises: (outputs) => fits(outputs) !== undefined,
  fits,
  maskOf(outputs, context, candidate) {
    const tensor = outputOf(outputs, context, 'masks');
    const [detections = 0, channels = 0, height = 0, width = 0] = tensor.shape;
    const cells = height * width;
    const isWhole = tensor.shape.length === 4 && channels === 1 && tensor.data.length === detections * cells;
    if (!isWhole || cells === 0 || candidate.index >= detections)
      throw new ShapeError(`masks [${tensor.shape.join(', ')}] have none for detection ${candidate.index}`);
    const values = floatsOf(tensor).subarray(candidate.index * cells, (candidate.index + 1) * cells);
    if (width === context.width && height === context.height)
      return { values, width, height, level: 0.5, scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };
    return overBox(values, width, height, candidate);
  },
};

function fits(outputs: readonly TensorInfo[]): Fit | undefined {
  const masks = outputs.find(({ shape }) => shape.length === 4 && shape[1] === 1);
  const fit = masks && torchvision.fits(outputs);
  if (masks === undefined || fit === undefined) return undefined;
  return {
    ...fit,
    roles: { ...fit.roles, masks: masks.name },
    outputs: [...fit.outputs, { name: masks.name, isBatched: false }],
  };
}

/** A cell of zeros on each side, as where it is pasted, so that the outermost cells do not reach up to the edge of the box. */
function overBox(
  cells: Float32Array,
  width: number,
  height: number,
  { xMin, yMin, xMax, yMax }: Candidate,
): MaskGrid {
  const padded = new Float32Array((width + 2) * (height + 2));
  for (let y = 0; y < height; y++)
    padded.set(cells.subarray(y * width, (y + 1) * width), (y + 1) * (width + 2) + 1);
  const [scaleX, scaleY] = [width / (xMax - xMin), height / (yMax - yMin)];
  return {
    values: padded,
    width: width + 2,
    height: height + 2,
    level: 0.5,
    scaleX,
    scaleY,
    offsetX: 1 - xMin * scaleX,
    offsetY: 1 - yMin * scaleY,
  };
}
