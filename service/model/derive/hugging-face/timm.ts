import { contradiction, type Findings, findings } from '../findings.js';
import { type JsonObject, numberOf, numbersOf, objectOf, textOf, textsOf } from '../json-values.js';
import { labelsIn } from './tasks.js';

const FILE = 'pretrained_cfg in config.json';
const FILTERS: ReadonlySet<string> = new Set(['nearest', 'bilinear', 'bicubic', 'lanczos', 'box', 'hamming']);
const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const DEFAULT_CROP = 0.875;

/**
 * timm writes into config.json how its validation images are made; undefined where it has not.
 * Source: huggingface/pytorch-image-models, `timm/data/config.py` and `transforms_factory.py`.
 */
export function timm(config: JsonObject): Findings | undefined {
  const data = objectOf(config['pretrained_cfg']);
  if (data === undefined) return undefined;
  const classes = numberOf(config['num_classes']) ?? numberOf(data['num_classes']);
  const [, height, width] = numbersOf(data['test_input_size']) ?? numbersOf(data['input_size']) ?? [];
  return findings(FILE, {
    ...(classes === 0
      ? { task: 'embedding' }
      : { task: 'classification', 'output.activation': 'softmax', 'output.labels': labels(config) }),
    ...resize(data, width ?? 224, height ?? 224),
    'input.width': width,
    'input.height': height,
    'input.scale': 1 / 255,
    'input.mean': numbersOf(data['mean']) ?? IMAGENET.mean,
    'input.std': numbersOf(data['std']) ?? IMAGENET.std,
    license: textOf(data['license']),
  });
}

function labels(config: JsonObject): readonly string[] | undefined {
  return textsOf(config['label_names']) ?? labelsIn(config);
}

function resize(data: JsonObject, width: number, height: number): Record<string, unknown> {
  const filter = textOf(data['interpolation']) ?? 'bicubic';
  if (!FILTERS.has(filter))
    contradiction(
      `pretrained_cfg in config.json has interpolation ${filter}; say input.resize.filter in a model.json`,
    );
  const share = numberOf(data['test_crop_pct']) ?? numberOf(data['crop_pct']) ?? DEFAULT_CROP;
  const mode = textOf(data['crop_mode']) ?? 'center';
  const larger = { width: Math.floor(width / share), height: Math.floor(height / share) };
  const rule = { 'input.resize.filter': filter, 'input.resize.rule': 'cover' };
  if (mode === 'squash')
    return { ...rule, 'input.resize.rule': 'stretch', 'input.resize.stretch_to': larger };
  if (mode === 'center' && width === height) return { ...rule, 'input.resize.shortest_edge': larger.width };
  return contradiction(
    `pretrained_cfg in config.json has crop_mode ${mode} for ${width} x ${height} pixels; say input.resize in a model.json`,
  );
}
