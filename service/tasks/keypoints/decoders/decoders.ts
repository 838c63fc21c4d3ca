import type { PointDecoder } from '../point-decoder.js';
import { yoloPose } from './yolo-pose.js';
import { yoloPoseEndToEnd } from './yolo-pose-end-to-end.js';
import { yunet } from './yunet.js';

/** All ways of writing down objects with points that are understood. */
export const POINT_DECODERS: readonly PointDecoder[] = [yunet, yoloPose, yoloPoseEndToEnd];
