/** How the makers of a kind of model prepare its images; where a file comes without a word about it, that is what it is taken for. */
export interface UsualInput {
  /** The models, for people. */
  readonly models: string;
  /** Fields of the manifest by their paths. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export const IMAGENET = {
  'input.scale': 1 / 255,
  'input.mean': [0.485, 0.456, 0.406],
  'input.std': [0.229, 0.224, 0.225],
} as const;

const ZERO_TO_ONE = { 'input.scale': 1 / 255 } as const;

function resize(rule: string, filter: string, more: Readonly<Record<string, unknown>> = {}) {
  const extra = Object.entries(more).map(([key, value]) => [`input.resize.${key}`, value]);
  return { 'input.resize.rule': rule, 'input.resize.filter': filter, ...Object.fromEntries(extra) };
}

const YOLO: UsualInput = {
  models: 'YOLO',
  fields: { ...ZERO_TO_ONE, ...resize('letterbox', 'opencv-linear', { pad_value: [114] }) },
};

/** By the decoder that fits the outputs. Sources: those that the decoders name. */
export const USUAL_INPUTS: Readonly<Record<string, UsualInput>> = {
  yolo: YOLO,
  'yolo-v5': YOLO,
  'yolo-end-to-end': YOLO,
  'yolo-pose': YOLO,
  'yolo-pose-end-to-end': YOLO,
  'yolo-segment': YOLO,
  'yolo-segment-end-to-end': YOLO,
  'rt-detr': { models: 'RT-DETR', fields: { ...ZERO_TO_ONE, ...resize('stretch', 'bilinear') } },
  detr: { models: 'DETR', fields: { ...IMAGENET, ...resize('stretch', 'bilinear') } },
  ssd: {
    models: "SSD of TensorFlow's object detection API",
    fields: resize('stretch', 'bilinear'),
  },
  'ssd-corners': {
    models: 'UltraFace',
    fields: {
      'input.scale': 1,
      'input.mean': [127],
      'input.std': [128],
      ...resize('stretch', 'opencv-linear'),
    },
  },
  yunet: {
    models: 'YuNet',
    fields: {
      'input.channels': 'bgr',
      'input.scale': 1,
      ...resize('letterbox', 'opencv-linear', { position: 'top-left' }),
      'output.labels': ['face'],
    },
  },
  'mask-rcnn': {
    models: 'Mask R-CNN of torchvision',
    fields: { ...ZERO_TO_ONE, ...resize('letterbox', 'bilinear', { position: 'top-left' }) },
  },
  torchvision: {
    models: "torchvision's detectors",
    fields: { ...ZERO_TO_ONE, ...resize('letterbox', 'bilinear', { position: 'top-left' }) },
  },
};
