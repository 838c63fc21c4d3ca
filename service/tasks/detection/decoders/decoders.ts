import type { BoxDecoder } from '../box-decoder.js';
import { detr } from './detr.js';
import { rtDetr } from './rt-detr.js';
import { ssd } from './ssd.js';
import { ssdCorners } from './ssd-corners.js';
import { ssdOffsets } from './ssd-offsets.js';
import { torchvision } from './torchvision.js';
import { yolo } from './yolo.js';
import { yoloEndToEnd } from './yolo-end-to-end.js';
import { yoloV5 } from './yolo-v5.js';

/** All ways of writing down boxes that are understood. */
export const BOX_DECODERS: readonly BoxDecoder[] = [
  yolo,
  yoloV5,
  yoloEndToEnd,
  rtDetr,
  detr,
  ssd,
  ssdCorners,
  ssdOffsets,
  torchvision,
];
