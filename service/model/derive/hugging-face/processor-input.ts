import { contradiction, type Findings, findings, together } from '../findings.js';
import { numberOf, numbersOf } from '../json-values.js';
import type { Processor } from './processor.js';
import { resizeOf } from './processor-resize.js';

/** Of the manifest's `input`, all that an image processor decides. Throws MODEL_INCOMPATIBLE where it does what cannot be done here. */
export function inputOf(processor: Processor): Findings {
  return together([resizeOf(processor), normalisationOf(processor), orderOf(processor)]);
}

const SCALE_KEYS = ['do_rescale', 'rescale_factor'];
const NORMALISATION_KEYS = ['do_normalize', 'image_mean', 'image_std', 'rescale_offset', 'include_top'];

function normalisationOf(processor: Processor): Findings {
  const rescales = processor.get('do_rescale') !== false;
  const { mean, std } = statisticsOf(processor);
  return together([
    findings(processor.originOf(SCALE_KEYS), {
      'input.scale': rescales ? (numberOf(processor.get('rescale_factor')) ?? 1 / 255) : 1,
    }),
    findings(processor.originOf(NORMALISATION_KEYS), { 'input.mean': mean, 'input.std': std }),
  ]);
}

/** In the order of the tensor's channels. */
function statisticsOf(processor: Processor): { mean: readonly number[]; std: readonly number[] } {
  const given = numbersOf(processor.get('image_mean'));
  const normalises = (processor.get('do_normalize') ?? given !== undefined) !== false;
  const mean = normalises ? (given ?? [0]) : [0];
  const std = normalises ? (numbersOf(processor.get('image_std')) ?? [1]) : [1];
  // EfficientNet: the offset is taken off before the mean, and what is normalised is divided by the deviation again.
  const offset = processor.get('rescale_offset') === true ? 1 : 0;
  const isTwice = processor.get('include_top') === true;
  return {
    mean: ordered(
      mean.map((value) => value + offset),
      processor,
    ),
    std: ordered(
      std.map((value) => (isTwice ? value * value : value)),
      processor,
    ),
  };
}

/** Channels are turned round last, so that statistics are given for red, green and blue. */
function ordered(values: readonly number[], processor: Processor): readonly number[] {
  return isFlipped(processor) ? values.toReversed() : values;
}

function isFlipped(processor: Processor): boolean {
  return processor.get('do_flip_channel_order') === true;
}

function orderOf(processor: Processor): Findings {
  if (processor.get('do_grayscale') === true || processor.get('do_thumbnail') === true)
    contradiction('preprocessor_config.json wants do_grayscale or do_thumbnail, which is not done here');
  return findings(processor.originOf(['do_flip_channel_order']), {
    'input.channels': isFlipped(processor) ? 'bgr' : undefined,
  });
}
