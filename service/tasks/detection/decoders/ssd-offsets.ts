import { type BoxDecoder, ShapeError } from '../box-decoder.js';
import { countPriors, DEFAULT_PRIORS, priorAt } from '../priors.js';
import { anchorsOf, forEachScore } from './ssd-corners.js';

/**
 * SSD whose boxes are offsets from priors, as UltraFace exported without post-processing: outputs as those of ssd-corners, from
 * which names and shapes do not tell it. Centre and size of a box are `prior + offset * variance * size of the prior` and
 * `size of the prior * exp(offset * variance)`. Sources: Liu et al., 2016; Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB,
 * `vision/utils/box_utils.py`.
 */
export const ssdOffsets: BoxDecoder = {
  name: 'ssd-offsets',
  models: 'UltraFace without post-processing; has to be named',
  unit: 'pixel',
  needsSuppression: true,
  mustBeNamed: true,
  defaults: { threshold: 0.7, iou: 0.3 },
  fits: anchorsOf,
  decode(outputs, context, into) {
    const { width, height, priors = DEFAULT_PRIORS } = context;
    const found = outputs.get(context.roles['scores'] ?? '')?.shape[0];
    const wanted = countPriors(priors, width, height);
    if (found !== wanted) throw new ShapeError(`there are ${found} anchors for ${wanted} priors`);
    const { centerVariance, sizeVariance } = priors;
    forEachScore(outputs, context, into.threshold, (anchor, classId, score, box) => {
      const prior = priorAt(anchor, priors, width, height);
      const [x = 0, y = 0, across = 0, down = 0] = box;
      into.addCentre(
        anchor,
        classId,
        score,
        prior.x + x * centerVariance * prior.width,
        prior.y + y * centerVariance * prior.height,
        prior.width * Math.exp(across * sizeVariance),
        prior.height * Math.exp(down * sizeVariance),
      );
    });
  },
};
