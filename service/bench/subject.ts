import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Manifest } from '../model/manifest.js';
import { PACKAGE_ROOT } from '../package-files.js';
import { generatePhoto } from './photo.js';

/** The model and the image that everything is measured with. */
export interface Subject {
  readonly modelName: string;
  /** Folder with model.json. */
  readonly modelFolder: string;
  /** The same model, with `accuracy` fast; undefined where there is none. */
  readonly fastModelFolder: string | undefined;
  /** A photograph of 6 megapixels; undefined where there is none. */
  readonly photoPath: string | undefined;
  /** The ONNX file, where the peer can run it too: input [N,3,224,224], ImageNet's mean and std. */
  readonly peerModel: string | undefined;
  readonly imageName: string;
  readonly image: Uint8Array;
  remove(): Promise<void>;
}

const MOBILENET: Omit<Manifest, 'file'> = {
  schema_version: 1,
  name: 'mobilenet-v2',
  version: '1.0.0',
  task: 'classification',
  input: {
    resize: { rule: 'stretch', filter: 'opencv-linear' },
    width: 224,
    height: 224,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  },
};

/**
 * @param dataFolder where the test data is, or undefined: then the default model and a generated image
 * @param imagePath another image, or undefined
 */
export async function prepareSubject(
  dataFolder: string | undefined,
  imagePath: string | undefined,
): Promise<Subject> {
  const path = imagePath ?? (dataFolder === undefined ? undefined : join(dataFolder, 'images/photo-vga.jpg'));
  const image = path === undefined ? await generatePhoto() : await readFile(path);
  const imageName = path ?? 'a generated photograph, 640x480';
  if (dataFolder === undefined) {
    const modelFolder = join(PACKAGE_ROOT, 'service/models/digits');
    return {
      modelName: 'digits',
      modelFolder,
      fastModelFolder: undefined,
      photoPath: undefined,
      peerModel: undefined,
      imageName,
      image,
      remove: async () => {},
    };
  }
  const peerModel = join(dataFolder, 'models/mobilenet_v2-random/model.onnx');
  const folder = await mkdtemp(join(tmpdir(), 'cv-inference-bench-'));
  return {
    modelName: 'MobileNetV2',
    modelFolder: await writeModel(folder, peerModel, 'exact'),
    fastModelFolder: await writeModel(folder, peerModel, 'fast'),
    photoPath: join(dataFolder, 'images/photo-6mp.jpg'),
    peerModel,
    imageName,
    image,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function writeModel(folder: string, model: string, accuracy: 'exact' | 'fast'): Promise<string> {
  const modelFolder = join(folder, accuracy);
  await mkdir(modelFolder);
  await symlink(model, join(modelFolder, 'model.onnx'));
  const manifest = { ...MOBILENET, input: { ...MOBILENET.input, accuracy }, file: 'model.onnx' };
  await writeFile(join(modelFolder, 'model.json'), JSON.stringify(manifest));
  return modelFolder;
}
