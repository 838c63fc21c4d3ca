import { contradiction, type Findings, findings } from '../findings.js';
import { numberOf, objectOf } from '../json-values.js';
import type { Processor } from './processor.js';

/** Pillow's numbers for its filters, which `resample` is given in. */
const FILTERS = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'] as const;
const DEFAULT_LONGEST_EDGE = 1333;

/** A size as the file has it. */
interface Size {
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly shortest?: number | undefined;
  readonly longest?: number | undefined;
}

interface Rectangle {
  readonly width: number;
  readonly height: number;
}

/** How the image comes to the size of the tensor. Throws MODEL_INCOMPATIBLE naming the field that cannot be followed. */
export function resizeOf(processor: Processor): Findings {
  const size = sizeIn(processor);
  const crop = cropIn(processor);
  const { fields, keys, warnings = [] } = ruleFor(processor, size, crop);
  const { width, height, ...resize } = fields;
  const said = Object.entries(resize).map(([key, value]) => [`input.resize.${key}`, value]);
  const filter = FILTERS[numberOf(processor.get('resample')) ?? -1];
  if (filter === undefined)
    contradiction(
      `preprocessor_config.json has resample ${String(processor.get('resample'))}, which is no filter of Pillow's`,
    );
  return findings(
    processor.originOf(keys),
    {
      'input.width': width,
      'input.height': height,
      ...Object.fromEntries(said),
      'input.resize.filter': filter,
    },
    warnings,
  );
}

interface Rule {
  readonly fields: Readonly<Record<string, unknown>>;
  /** The fields of the file that it depends on. */
  readonly keys: readonly string[];
  readonly warnings?: readonly string[];
}

const FLOORED = { position: 'center-floor' };

function ruleFor(processor: Processor, size: Size, crop: Rectangle | undefined): Rule {
  if (processor.get('do_resize') === false) return unresized(size, crop);
  const { width, height, shortest, longest } = size;
  if (width !== undefined && height !== undefined) return fixed(processor, { width, height }, crop);
  if (shortest === undefined)
    return contradiction(
      'preprocessor_config.json has a size with neither height and width nor shortest_edge; say input.resize in a model.json',
    );
  if (longest !== undefined) return fitted(processor, shortest, longest);
  return covering(processor, shortest, crop);
}

function unresized(size: Size, crop: Rectangle | undefined): Rule {
  const target = crop ?? size;
  return {
    fields: { width: target.width, height: target.height, rule: 'stretch' },
    keys: ['do_resize', 'size'],
    warnings: [
      'preprocessor_config.json has do_resize false: images are stretched to the size of the input; say input.resize in a model.json where they need something else',
    ],
  };
}

/** To one size; where a crop is taken of it, that is the tensor's. */
function fixed(processor: Processor, size: Rectangle, crop: Rectangle | undefined): Rule {
  if (processor.get('keep_aspect_ratio') === true)
    contradiction(
      'preprocessor_config.json has keep_aspect_ratio, which is not done here; say input.resize in a model.json',
    );
  const isEnlarged = processor.kind.enlarges === 'by-crop-pct' && size.width === size.height;
  if (isEnlarged) return covering(processor, size.width, crop);
  if (crop === undefined || (crop.width === size.width && crop.height === size.height))
    return { fields: { ...size, rule: 'stretch' }, keys: ['size'] };
  return {
    fields: { ...crop, rule: 'stretch', stretch_to: size, ...FLOORED },
    keys: ['size', 'crop_size'],
  };
}

/** The shortest edge to a size, and the centre of that. */
function covering(processor: Processor, shortest: number, crop: Rectangle | undefined): Rule {
  const { enlarges } = processor.kind;
  const target = { width: shortest, height: shortest };
  if (enlarges === 'by-crop-pct-below-384' && shortest >= 384)
    return { fields: { ...target, rule: 'stretch' }, keys: ['size'] };
  const isCropped = crop !== undefined || enlarges === 'by-crop-pct-below-384';
  return {
    fields: { ...(crop ?? target), rule: 'cover', shortest_edge: enlarged(processor, shortest), ...FLOORED },
    keys: ['size', 'crop_size', 'crop_pct'],
    warnings: isCropped
      ? []
      : [
          `preprocessor_config.json resizes the shortest edge to ${shortest} and crops nothing; here the centre of ${shortest} x ${shortest} pixels is taken; say input.resize in a model.json where that is wrong`,
        ],
  };
}

function enlarged(processor: Processor, shortest: number): number {
  const { enlarges } = processor.kind;
  if (enlarges === 'by-256-of-224') return Math.trunc((256 / 224) * shortest);
  if (enlarges === undefined) return shortest;
  return Math.trunc(shortest / (numberOf(processor.get('crop_pct')) ?? 1));
}

/** Every image to a size of its own, with its own aspect ratio. */
function fitted({ kind }: Processor, shortest: number, longest: number): Rule {
  const { multipleOf } = kind;
  return {
    fields: {
      rule: 'fit',
      shortest_edge: shortest,
      longest_edge: longest,
      ...(multipleOf !== undefined && { multiple_of: multipleOf }),
    },
    keys: ['size', 'max_size'],
  };
}

function sizeIn(processor: Processor): Size {
  const value = processor.get('size');
  const number = numberOf(value);
  if (number !== undefined) return legacySize(processor, number);
  if (Array.isArray(value)) return { height: numberOf(value[0]), width: numberOf(value[1]) };
  const size = objectOf(value) ?? {};
  return {
    width: numberOf(size['width']),
    height: numberOf(size['height']),
    shortest: numberOf(size['shortest_edge']),
    longest: numberOf(size['longest_edge']),
  };
}

/** Old files have one number, whose meaning depends on the class. */
function legacySize(processor: Processor, size: number): Size {
  const { sizeIs, defaults } = processor.kind;
  if (sizeIs === 'square') return { width: size, height: size };
  const isBounded = objectOf(defaults['size'])?.['longest_edge'] !== undefined;
  const longest = numberOf(processor.get('max_size')) ?? (isBounded ? DEFAULT_LONGEST_EDGE : undefined);
  return { shortest: size, longest };
}

function cropIn(processor: Processor): Rectangle | undefined {
  if (processor.get('do_center_crop') !== true) return undefined;
  const value = processor.get('crop_size');
  const size = objectOf(value);
  const width = numberOf(value) ?? numberOf(size?.['width']) ?? numberOf(size?.['shortest_edge']);
  const height = numberOf(value) ?? numberOf(size?.['height']) ?? numberOf(size?.['shortest_edge']);
  if (width !== undefined && height !== undefined) return { width, height };
  return contradiction('preprocessor_config.json has do_center_crop, but no crop_size');
}
