import { describe, expect, it } from 'vitest';
import { nested } from '../findings.js';
import type { JsonObject } from '../json-values.js';
import { describe as describeExport } from './export.js';

const LABELS = { 0: 'cat', 1: 'dog' };
const VIT = { model_type: 'vit', architectures: ['ViTForImageClassification'], id2label: LABELS };

function read(config: JsonObject, processor?: JsonObject) {
  const file = processor && { name: 'preprocessor_config.json', content: processor };
  return describeExport(config, file);
}
/** Numbers are rounded, so that 0.1 + 0.2 can be written as what it is. */
function derived(
  config: JsonObject,
  processor?: JsonObject,
): { input?: object; output?: object; task?: string } {
  return JSON.parse(JSON.stringify(nested(read(config, processor).fields)));
}
const inputOf = (processor: JsonObject, config: JsonObject = VIT) => derived(config, processor).input;
const ofClass = (name: string, more: JsonObject = {}) => ({
  image_processor_type: `${name}ImageProcessor`,
  ...more,
});

function codeOf(config: JsonObject, processor?: JsonObject): string {
  try {
    read(config, processor);
    return 'none';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const HALF = { mean: [0.5], std: [0.5] };
const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const scale = 1 / 255;

describe('config.json', () => {
  it.each<[string, JsonObject, object]>([
    [
      'a classifier',
      VIT,
      { task: 'classification', output: { activation: 'softmax', labels: ['cat', 'dog'] } },
    ],
    [
      'one whose labels do not exclude each other',
      { ...VIT, problem_type: 'multi_label_classification' },
      { output: { activation: 'sigmoid' } },
    ],
    [
      'DETR',
      { model_type: 'detr', architectures: ['DetrForObjectDetection'], id2label: LABELS },
      { task: 'detection', output: { decoder: 'detr', labels: ['cat', 'dog'] } },
    ],
    [
      'YOLOS',
      { model_type: 'yolos', architectures: ['YolosForObjectDetection'] },
      { output: { decoder: 'detr' } },
    ],
    [
      'RT-DETR',
      { model_type: 'rt_detr_v2', architectures: ['RTDetrV2ForObjectDetection'] },
      { output: { decoder: 'rt-detr' } },
    ],
    [
      'deformable DETR, which has no class for nothing',
      { model_type: 'deformable_detr', architectures: ['DeformableDetrForObjectDetection'] },
      { output: { decoder: 'rt-detr' } },
    ],
    [
      'SegFormer',
      { model_type: 'segformer', architectures: ['SegformerForSemanticSegmentation'], id2label: LABELS },
      { task: 'segmentation', output: { labels: ['cat', 'dog'] } },
    ],
    [
      'the image tower of CLIP, compared by cosine',
      { model_type: 'clip_vision_model', architectures: ['CLIPVisionModelWithProjection'] },
      { task: 'embedding', output: { normalize: true } },
    ],
    ['DINOv2', { model_type: 'dinov2', architectures: ['Dinov2Model'] }, { task: 'embedding' }],
    ['a ViT without a head', { model_type: 'vit', architectures: ['ViTModel'] }, { task: 'embedding' }],
  ])('tells what %s is for', (_, config, expected) => {
    expect(derived(config, {})).toMatchObject(expected);
  });

  it('leaves it to the outputs, saying so, where it does not know', () => {
    const { fields, warnings } = read({ model_type: 'x', architectures: ['XForCausalLM'] }, ofClass('ViT'));
    expect([fields.has('task'), warnings.length]).toEqual([false, 1]);
  });

  it.each<[string, JsonObject]>([
    ['ids that are left out', { ...VIT, id2label: { 0: 'cat', 2: 'dog' } }],
    ['ids that are no numbers', { ...VIT, id2label: { cat: 'cat' } }],
    ['labels that are no texts', { ...VIT, id2label: { 0: 1 } }],
    ['masks of instances', { architectures: ['MaskFormerForInstanceSegmentation'] }],
    ['panoptic masks', { architectures: ['DetrForSegmentation'] }],
    ['depth', { architectures: ['GLPNForDepthEstimation'] }],
    [
      'boxes that are written down in another way',
      { model_type: 'owlvit', architectures: ['OwlViTForObjectDetection'] },
    ],
  ])('is refused as MODEL_INCOMPATIBLE with %s', (_, config) => {
    expect(codeOf(config, ofClass('ViT'))).toBe('MODEL_INCOMPATIBLE');
  });
});

describe('preprocessor_config.json', () => {
  it.each<[string, JsonObject, object]>([
    [
      'ViT',
      ofClass('ViT'),
      { width: 224, height: 224, scale, ...HALF, resize: { rule: 'stretch', filter: 'bilinear' } },
    ],
    [
      'ViT as old files have it',
      { feature_extractor_type: 'ViTFeatureExtractor', size: 384, resample: 3, image_mean: [0.5, 0.5, 0.5] },
      { width: 384, height: 384, mean: [0.5, 0.5, 0.5], resize: { rule: 'stretch', filter: 'bicubic' } },
    ],
    [
      'a fast one',
      { image_processor_type: 'ViTImageProcessorFast', size: { height: 256, width: 128 } },
      { width: 128, height: 256, resize: { rule: 'stretch' } },
    ],
    [
      'DeiT, cut out of a square',
      ofClass('DeiT', { size: 256 }),
      {
        width: 224,
        height: 224,
        resize: {
          rule: 'stretch',
          filter: 'bicubic',
          stretch_to: { width: 256, height: 256 },
          position: 'center-floor',
        },
      },
    ],
    [
      'BEiT, which crops nothing where it says so',
      ofClass('Beit', { do_center_crop: false, size: 224 }),
      { width: 224, height: 224, resize: { rule: 'stretch', filter: 'bicubic' } },
    ],
    [
      'ConvNeXT below 384 pixels',
      ofClass('ConvNext', { size: { shortest_edge: 224 }, crop_pct: 0.875, resample: 3 }),
      {
        width: 224,
        height: 224,
        resize: { rule: 'cover', filter: 'bicubic', shortest_edge: 256, position: 'center-floor' },
      },
    ],
    [
      'ConvNeXT of the default crop, which old files leave as null',
      ofClass('ConvNext', { size: 224, crop_pct: null }),
      { resize: { rule: 'cover', filter: 'bilinear', shortest_edge: 256, position: 'center-floor' } },
    ],
    [
      'ConvNeXT from 384 pixels on',
      ofClass('ConvNext', { size: { shortest_edge: 384 } }),
      { width: 384, height: 384, resize: { rule: 'stretch', filter: 'bilinear' } },
    ],
    [
      'MobileNetV2',
      ofClass('MobileNetV2'),
      {
        width: 224,
        height: 224,
        ...HALF,
        resize: { rule: 'cover', filter: 'bilinear', shortest_edge: 256, position: 'center-floor' },
      },
    ],
    [
      'CLIP as old files have it',
      ofClass('CLIP', { size: 224, crop_size: 224 }),
      {
        width: 224,
        height: 224,
        mean: [0.48145466, 0.4578275, 0.40821073],
        std: [0.26862954, 0.26130258, 0.27577711],
        resize: { rule: 'cover', filter: 'bicubic', shortest_edge: 224, position: 'center-floor' },
      },
    ],
    [
      'DINOv2',
      ofClass('Bit', { size: { shortest_edge: 256 }, image_mean: IMAGENET.mean, image_std: IMAGENET.std }),
      { width: 224, height: 224, ...IMAGENET, resize: { rule: 'cover', shortest_edge: 256 } },
    ],
    ['LeViT', ofClass('Levit'), { width: 224, resize: { rule: 'cover', shortest_edge: 256 } }],
    ['PoolFormer', ofClass('PoolFormer'), { width: 224, resize: { rule: 'cover', shortest_edge: 248 } }],
    [
      'PoolFormer of a square',
      ofClass('PoolFormer', { size: { height: 224, width: 224 }, crop_pct: 0.95, crop_size: 224 }),
      { width: 224, resize: { rule: 'cover', shortest_edge: 235 } },
    ],
    [
      'SegFormer',
      ofClass('Segformer', { do_reduce_labels: true }),
      { width: 512, height: 512, ...IMAGENET, resize: { rule: 'stretch', filter: 'bilinear' } },
    ],
    [
      'DETR, whose images keep their own size',
      ofClass('Detr'),
      { ...IMAGENET, resize: { rule: 'fit', filter: 'bilinear', shortest_edge: 800, longest_edge: 1333 } },
    ],
    [
      'DETR as old files have it',
      { feature_extractor_type: 'DetrFeatureExtractor', size: 480, max_size: 640 },
      { resize: { rule: 'fit', shortest_edge: 480, longest_edge: 640 } },
    ],
    [
      'YOLOS, in multiples of 16',
      ofClass('Yolos', { size: { shortest_edge: 512, longest_edge: 864 } }),
      { resize: { rule: 'fit', shortest_edge: 512, longest_edge: 864, multiple_of: 16 } },
    ],
    [
      'RT-DETR',
      ofClass('RTDetr', { do_normalize: false, image_mean: IMAGENET.mean }),
      {
        width: 640,
        height: 640,
        mean: [0],
        std: [1],
        scale,
        resize: { rule: 'stretch', filter: 'bilinear' },
      },
    ],
    [
      'MobileViT, in blue, green, red',
      ofClass('MobileViT', { size: { shortest_edge: 288 } }),
      { channels: 'bgr', mean: [0], width: 256, resize: { rule: 'cover', shortest_edge: 288 } },
    ],
    [
      'what turns channels round after it has normalised them',
      ofClass('ViT', { do_flip_channel_order: true, image_mean: [0.1, 0.2, 0.3], image_std: [1, 2, 3] }),
      { channels: 'bgr', mean: [0.3, 0.2, 0.1], std: [3, 2, 1] },
    ],
    [
      'EfficientNet, whose deviation counts twice',
      ofClass('EfficientNet', {
        image_std: [0.5, 0.25, 0.2],
        rescale_offset: true,
        rescale_factor: 1 / 127.5,
      }),
      {
        width: 346,
        scale: 1 / 127.5,
        mean: [1.5],
        std: [0.25, 0.0625, 0.2 * 0.2],
        resize: { filter: 'nearest' },
      },
    ],
    ['pixels that are not rescaled', ofClass('ViT', { do_rescale: false }), { scale: 1 }],
    ['pixels that are not normalised', ofClass('ViT', { do_normalize: false }), { mean: [0], std: [1] }],
    ['one mean for all', ofClass('ViT', { image_mean: 0.4, image_std: 0.2 }), { mean: [0.4], std: [0.2] }],
  ])('is understood of %s', (_, processor, expected) => {
    expect(inputOf(processor)).toMatchObject(expected);
  });

  it('says of each value whether the file or its class says it', () => {
    const { fields } = read(VIT, ofClass('ViT', { size: 384 }));
    const origins = ['input.width', 'input.mean'].map((path) => fields.get(path)?.origin);
    expect(origins).toEqual(['preprocessor_config.json', 'default of ViTImageProcessor']);
  });

  it('is replaced by the usual one of the kind of model, with a warning, where it is missing', () => {
    const { warnings } = read(VIT);
    expect(derived(VIT).input).toMatchObject({ width: 224, ...HALF });
    expect(warnings).toHaveLength(1);
  });

  it('of a class that is not known is read as it stands, with a warning', () => {
    const processor = ofClass('Unheard', {
      size: { height: 32, width: 32 },
      image_mean: [0.1],
      image_std: [0.2],
    });
    expect(inputOf(processor)).toMatchObject({
      width: 32,
      mean: [0.1],
      std: [0.2],
      resize: { rule: 'stretch' },
    });
    expect(read(VIT, processor).warnings).toHaveLength(1);
  });

  it('of a class or a kind that is named as what every object has is one that is not known', () => {
    const config = { ...VIT, model_type: 'constructor', id2label: undefined };
    expect(read(config, ofClass('constructor', { size: 32 })).warnings).toHaveLength(1);
    expect(codeOf({ model_type: 'toString', architectures: ['XForObjectDetection'] }, {})).toBe(
      'MODEL_INCOMPATIBLE',
    );
  });

  it('warns where images keep what no tensor holds', () => {
    for (const more of [{ do_resize: false }, { size: { shortest_edge: 224 } }])
      expect(read(VIT, ofClass('ViT', more)).warnings).toHaveLength(1);
  });

  it.each<[string, JsonObject]>([
    ['a filter that Pillow has not', ofClass('ViT', { resample: 9 })],
    ['no size', { image_processor_type: 'UnheardImageProcessor' }],
    ['a size of the longest edge', ofClass('ViT', { size: { longest_edge: 512 } })],
    ['a crop of no size', { do_center_crop: true, size: 224 }],
    ['an aspect ratio that is kept', ofClass('DPT', { keep_aspect_ratio: true })],
    ['grey', ofClass('ViT', { do_grayscale: true })],
  ])('is refused as MODEL_INCOMPATIBLE with %s', (_, processor) => {
    expect(codeOf(VIT, processor)).toBe('MODEL_INCOMPATIBLE');
  });
});

describe('a config.json of timm', () => {
  const data = {
    input_size: [3, 224, 224],
    interpolation: 'bicubic',
    crop_pct: 0.95,
    crop_mode: 'center',
    mean: IMAGENET.mean,
    std: IMAGENET.std,
  };
  const config = {
    architecture: 'resnet50',
    num_classes: 2,
    label_names: ['cat', 'dog'],
    pretrained_cfg: data,
  };

  it('tells of a classifier', () => {
    expect(derived(config)).toMatchObject({
      task: 'classification',
      input: {
        width: 224,
        height: 224,
        ...IMAGENET,
        resize: { rule: 'cover', filter: 'bicubic', shortest_edge: 235 },
      },
      output: { labels: ['cat', 'dog'], activation: 'softmax' },
    });
  });

  it('tells of an embedding, and of images that are squashed', () => {
    const squashed = { ...data, crop_mode: 'squash', crop_pct: 1 };
    expect(derived({ ...config, num_classes: 0, pretrained_cfg: squashed })).toMatchObject({
      task: 'embedding',
      input: { resize: { rule: 'stretch', stretch_to: { width: 224, height: 224 } } },
    });
  });

  it('is refused where images are cropped in a way that is not known', () => {
    const border = { ...data, crop_mode: 'border' };
    expect(codeOf({ ...config, pretrained_cfg: border })).toBe('MODEL_INCOMPATIBLE');
    expect(codeOf({ ...config, pretrained_cfg: { ...data, interpolation: 'random' } })).toBe(
      'MODEL_INCOMPATIBLE',
    );
  });
});
