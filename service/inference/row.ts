import { bytesOf, type ModelImage } from '../preprocess/image.js';
import type { Parameters } from '../tasks/task.js';
import type { Row } from './runner.js';

/** An image on its way to the model. `width` and `height` are those of the image as a person sees it. */
interface Placed {
  readonly image: ModelImage;
  readonly width: number;
  readonly height: number;
}

/** An image with what is asked of the model's task. */
export function rowOf({ image, width, height }: Placed, parameters: Parameters, isKept = false): Row {
  return { image, width, height, parameters, bytes: bytesOf(image), isKept };
}
