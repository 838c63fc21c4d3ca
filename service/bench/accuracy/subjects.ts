import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../../model/manifest.js';
import { parseManifest } from '../../model/manifest.js';
import { PACKAGE_ROOT } from '../../package-files.js';

/** A model and where its file is. */
export interface Subject {
  readonly path: string;
  readonly manifest: Manifest;
}

const COMMON = { schema_version: 1, version: '1.0.0', file: 'model.onnx' } as const;
const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Faces, trained behind cv2.resize. */
export function ultraFace(data: string): Subject {
  const resize = { rule: 'stretch', filter: 'opencv-linear' } as const;
  const manifest: Manifest = {
    ...COMMON,
    name: 'ultraface',
    task: 'detection',
    input: { resize, scale: 1, mean: [127], std: [128] },
    output: { labels: ['face'] },
  };
  return { path: join(data, 'models/ultraface/version-RFB-320.onnx'), manifest };
}

/** torchvision's preset: no division of 640x480. */
const COVER = { rule: 'cover', filter: 'bilinear', shortest_edge: 256 } as const;
/** Of 640x480 a half is left. */
export const STRETCH = { rule: 'stretch', filter: 'bilinear' } as const;

/** The shape of an ImageNet classifier; its weights are random, and so are its answers. */
export function mobileNet(data: string, resize: typeof COVER | typeof STRETCH = COVER): Subject {
  const input = { width: 224, height: 224, resize, ...IMAGENET };
  const manifest: Manifest = { ...COMMON, name: 'mobilenet', task: 'raw', input };
  return { path: join(data, 'models/mobilenet_v2-random/model.onnx'), manifest };
}

export const DIGITS_FOLDER = join(PACKAGE_ROOT, 'service/models/digits');

/** The default model. */
export async function digits(): Promise<Subject> {
  const text = await readFile(join(DIGITS_FOLDER, 'model.json'), 'utf8');
  return { path: join(DIGITS_FOLDER, 'model.onnx'), manifest: parseManifest(text, DIGITS_FOLDER) };
}
