import type { JsonObject } from '../json-values.js';

/** What one of transformers' image processors does where its file does not say. */
export interface ProcessorClass {
  /** Fields as in the file. */
  readonly defaults: JsonObject;
  /** What `size: 224` means, as old files have it: a square, or the shortest edge. */
  readonly sizeIs: 'square' | 'shortest_edge';
  /** How the size becomes the size before the crop, where that is not the size itself. */
  readonly enlarges?: 'by-crop-pct-below-384' | 'by-crop-pct' | 'by-256-of-224';
  /** What width and height are rounded down to. */
  readonly multipleOf?: number;
}

const HALF = { image_mean: [0.5], image_std: [0.5] };
const IMAGENET = { image_mean: [0.485, 0.456, 0.406], image_std: [0.229, 0.224, 0.225] };
const CLIP = {
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
};
const NEAREST = 0;
const BILINEAR = 2;
const BICUBIC = 3;

const square = (size: number) => ({ height: size, width: size });
const shortest = (size: number) => ({ shortest_edge: size });
const cropped = (size: number) => ({ do_center_crop: true, crop_size: square(size) });
const COMMON = { do_resize: true, do_rescale: true, rescale_factor: 1 / 255, do_normalize: true };

function toSquare(size: number, resample: number, more: JsonObject): ProcessorClass {
  return { defaults: { ...COMMON, size: square(size), resample, ...more }, sizeIs: 'square' };
}

function toShortest(
  size: number,
  resample: number,
  more: JsonObject,
  enlarges?: ProcessorClass['enlarges'],
): ProcessorClass {
  const defaults = { ...COMMON, size: shortest(size), resample, ...more };
  return { defaults, sizeIs: 'shortest_edge', ...(enlarges !== undefined && { enlarges }) };
}

const DETR = toShortest(800, BILINEAR, { size: { shortest_edge: 800, longest_edge: 1333 }, ...IMAGENET });

/** By the class without `ImageProcessor`. Source: huggingface/transformers 4.57, the constructors of `image_processing_*.py`. */
const CLASSES: Readonly<Record<string, ProcessorClass>> = {
  ViT: toSquare(224, BILINEAR, HALF),
  DeiT: toSquare(256, BICUBIC, { ...cropped(224), ...HALF }),
  Beit: toSquare(256, BICUBIC, { ...cropped(224), ...HALF }),
  ConvNext: toShortest(384, BILINEAR, { crop_pct: 224 / 256, ...HALF }, 'by-crop-pct-below-384'),
  MobileNetV1: toShortest(256, BILINEAR, { ...cropped(224), ...HALF }),
  MobileNetV2: toShortest(256, BILINEAR, { ...cropped(224), ...HALF }),
  MobileViT: toShortest(224, BILINEAR, {
    ...cropped(256),
    do_normalize: false,
    do_flip_channel_order: true,
  }),
  EfficientNet: toSquare(346, NEAREST, { crop_size: square(289), include_top: true, ...HALF }),
  Levit: toShortest(224, BICUBIC, { ...cropped(224), ...IMAGENET }, 'by-256-of-224'),
  PoolFormer: toShortest(224, BICUBIC, { ...cropped(224), crop_pct: 0.9, ...IMAGENET }, 'by-crop-pct'),
  Bit: toShortest(224, BICUBIC, { ...cropped(224), ...CLIP }),
  CLIP: toShortest(224, BICUBIC, { ...cropped(224), ...CLIP }),
  ChineseCLIP: toShortest(224, BICUBIC, { ...cropped(224), ...CLIP }),
  Siglip: toSquare(224, BICUBIC, HALF),
  Blip: toSquare(384, BICUBIC, CLIP),
  Flava: toSquare(224, BICUBIC, { ...cropped(224), ...CLIP }),
  Segformer: toSquare(512, BILINEAR, IMAGENET),
  Pvt: toSquare(224, BILINEAR, IMAGENET),
  DPT: toSquare(384, BICUBIC, HALF),
  DINOv3ViT: toSquare(224, BILINEAR, IMAGENET),
  EfficientFormer: toSquare(224, BICUBIC, { ...cropped(224), ...IMAGENET }),
  ViTHybrid: toShortest(224, BICUBIC, { ...cropped(224), ...CLIP }),
  Detr: DETR,
  ConditionalDetr: DETR,
  DeformableDetr: DETR,
  Yolos: { ...DETR, multipleOf: 16 },
  RTDetr: toSquare(640, BILINEAR, { do_normalize: false, ...IMAGENET }),
};

/** Maps: whoever asks has the name from a file. */
export const PROCESSOR_CLASSES: ReadonlyMap<string, ProcessorClass> = new Map(Object.entries(CLASSES));

/** What a file of no known class, or of none, is read with. */
export const PLAIN_PROCESSOR: ProcessorClass = {
  defaults: { do_resize: true, resample: BILINEAR, do_rescale: true, rescale_factor: 1 / 255 },
  sizeIs: 'square',
};

/** Which class a kind of model uses where nothing says. Source: the same, `models/auto/image_processing_auto.py`. */
const CLASSES_OF_MODELS: Readonly<Record<string, string>> = {
  beit: 'Beit',
  bit: 'Bit',
  clip: 'CLIP',
  clip_vision_model: 'CLIP',
  conditional_detr: 'ConditionalDetr',
  convnext: 'ConvNext',
  convnextv2: 'ConvNext',
  cvt: 'ConvNext',
  'data2vec-vision': 'Beit',
  deformable_detr: 'DeformableDetr',
  deit: 'DeiT',
  detr: 'Detr',
  dinov2: 'Bit',
  dinov2_with_registers: 'Bit',
  dinov3_vit: 'DINOv3ViT',
  d_fine: 'RTDetr',
  efficientnet: 'EfficientNet',
  focalnet: 'Bit',
  hiera: 'Bit',
  levit: 'Levit',
  mobilenet_v1: 'MobileNetV1',
  mobilenet_v2: 'MobileNetV2',
  mobilevit: 'MobileViT',
  mobilevitv2: 'MobileViT',
  poolformer: 'PoolFormer',
  pvt: 'Pvt',
  pvt_v2: 'Pvt',
  regnet: 'ConvNext',
  resnet: 'ConvNext',
  rt_detr: 'RTDetr',
  rt_detr_v2: 'RTDetr',
  segformer: 'Segformer',
  siglip: 'Siglip',
  siglip_vision_model: 'Siglip',
  swiftformer: 'ViT',
  swin: 'ViT',
  swinv2: 'ViT',
  'table-transformer': 'Detr',
  upernet: 'Segformer',
  van: 'ConvNext',
  vit: 'ViT',
  vit_mae: 'ViT',
  vit_msn: 'ViT',
  yolos: 'Yolos',
};
export const CLASS_OF_MODEL_TYPE: ReadonlyMap<string, string> = new Map(Object.entries(CLASSES_OF_MODELS));
