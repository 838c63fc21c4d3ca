import type { MaskDecoder } from '../mask-decoder.js';
import { maskRcnn } from './mask-rcnn.js';
import { yoloSegment } from './yolo-segment.js';
import { yoloSegmentEndToEnd } from './yolo-segment-end-to-end.js';

/** All ways of writing down objects with masks that are understood. */
export const MASK_DECODERS: readonly MaskDecoder[] = [yoloSegment, yoloSegmentEndToEnd, maskRcnn];
