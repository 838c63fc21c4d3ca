import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/models.js';
import { createFileSource } from '../sources/file.js';
import { SourceFailure } from '../sources/source-failure.js';
import { LAYOUTS } from './derive.js';
import { nested } from './findings.js';
import { mlflow } from './mlflow.js';
import type { FoundModel, Layout, Surroundings } from './surroundings.js';
import { triton } from './triton.js';

type Files = Readonly<Record<string, string>>;

async function folderOf(files: Files): Promise<string> {
  const folder = join(await temporaryFolder(), 'some-model');
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

/** What is in a folder; far away it cannot be listed. */
async function around(files: Files, isFar: boolean): Promise<Surroundings> {
  const source = await createFileSource(await folderOf(files));
  const read = async (name: string): Promise<string> => {
    const text = files[name];
    if (text === undefined) throw new SourceFailure('missing', name);
    return text;
  };
  return {
    source: isFar ? { ...source, localDirectory: undefined } : source,
    logger: { info: () => undefined, warn: () => undefined },
    read,
    exists: async (name) => name in files,
  };
}

const find = async (
  layout: Layout,
  files: Files,
  named?: string,
  isFar = false,
): Promise<FoundModel | undefined> => layout.find(await around(files, isFar), named);

async function found(
  layout: Layout,
  files: Files,
  named?: string,
  isFar = false,
): Promise<Record<string, unknown> | undefined> {
  const model = await find(layout, files, named, isFar);
  return model && { file: model.modelName, ...nested(model.findings.fields) };
}

const MLMODEL =
  'artifact_path: digits\nflavors:\n  onnx: {data: net.onnx, onnx_version: 1.16.0}\nrun_id: abc\n';

describe('a folder of MLflow', () => {
  it('names the file, and where it comes from', async () => {
    expect(await found(mlflow, { MLmodel: MLMODEL })).toEqual({
      file: 'net.onnx',
      name: 'digits',
      version: 'abc',
    });
    const bare = { MLmodel: 'flavors: {onnx: {}}' };
    expect(await found(mlflow, bare)).toEqual({ file: 'model.onnx', name: 'some-model' });
  });

  it.each([
    ['without an ONNX model', 'flavors: {sklearn: {}}'],
    ['that is no YAML', 'flavors: [}'],
    [
      'that is a bomb',
      `a0: &a0 [x]\n${Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]`).join('\n')}`,
    ],
    ['without end', `flavors: ${'x'.repeat(2 ** 21)}`],
  ])('%s is refused as MODEL_INCOMPATIBLE', async (_, MLmodel) => {
    await expect(find(mlflow, { MLmodel })).rejects.toMatchObject({ code: 'MODEL_INCOMPATIBLE' });
  });
});

const CONFIG = `name: "resnet" platform: "onnxruntime_onnx" max_batch_size: 8
  input [ { name: "data" data_type: TYPE_FP32 dims: [ 3, 224, 200 ] } ]
  output [ { name: "prob" data_type: TYPE_FP32 dims: [ 2 ] label_filename: "labels.txt" } ]`;
const TRITON = { 'config.pbtxt': CONFIG, 'labels.txt': 'cat\ndog\n', '1/model.onnx': '', '2/model.onnx': '' };

describe('a folder of Triton', () => {
  it('has the latest version, its labels and the size of its input', async () => {
    const expected = {
      file: '2/model.onnx',
      name: 'resnet',
      version: '2',
      input: { name: 'data', width: 200, height: 224 },
      output: { labels: ['cat', 'dog'] },
    };
    expect(await found(triton, TRITON)).toEqual(expected);
    expect(await found(triton, TRITON, undefined, true)).toEqual(expected);
  });

  it('has versions by number, those that it serves, and leaves others alone', async () => {
    const versions = { '9/model.onnx': '', '10/model.onnx': '', '010/model.onnx': '', 'old/model.onnx': '' };
    expect(await found(triton, { 'config.pbtxt': '', ...versions })).toMatchObject({ file: '10/model.onnx' });
    const policy = 'version_policy: { specific: { versions: [9] } }';
    expect(await found(triton, { 'config.pbtxt': policy, ...versions })).toMatchObject({ version: '9' });
    expect(await found(triton, versions)).toMatchObject({ file: '10/model.onnx', name: 'some-model' });
  });

  it('has the file that it names, and a folder in its place', async () => {
    const files = { 'config.pbtxt': 'default_model_filename: "net.onnx"', '1/net.onnx': '' };
    expect(await found(triton, files)).toMatchObject({ file: '1/net.onnx' });
    const folder = { 'config.pbtxt': '', '1/model.onnx/model.onnx': '', '1/model.onnx/weights': '' };
    expect(await found(triton, folder)).toMatchObject({ file: '1/model.onnx/model.onnx' });
  });

  it('takes channels where it says they are', async () => {
    const config = (dims: string, format = '') => ({
      'config.pbtxt': `input { name: "x" dims: [${dims}] ${format} }`,
      '1/model.onnx': '',
    });
    const { input } = ((await found(triton, config('20, 30, 3', 'format: FORMAT_NHWC'))) ?? {}) as {
      input?: unknown;
    };
    expect(input).toEqual({ name: 'x', layout: 'NHWC', width: 30, height: 20 });
    expect((await found(triton, config('1, 20, 30, 3')))?.['input']).toEqual({
      name: 'x',
      width: 30,
      height: 20,
    });
    expect((await found(triton, config('3, -1, -1')))?.['input']).toEqual({ name: 'x' });
  });

  it.each([
    ['of another engine', { ...TRITON, 'config.pbtxt': 'platform: "tensorrt_plan"' }],
    ['whose configuration is none', { ...TRITON, 'config.pbtxt': '{' }],
    ['without the labels that it names', { 'config.pbtxt': CONFIG, '1/model.onnx': '' }],
    ['with a file elsewhere', { ...TRITON, 'config.pbtxt': 'default_model_filename: "../../x.onnx"' }],
    ['with labels elsewhere', { ...TRITON, 'config.pbtxt': 'output { label_filename: "../../etc/passwd" }' }],
  ])('%s is refused as MODEL_INCOMPATIBLE', async (_, files) => {
    await expect(find(triton, files)).rejects.toMatchObject({ code: 'MODEL_INCOMPATIBLE' });
  });
});

const EXPORT = { 'config.json': '{"model_type": "vit", "_name_or_path": "google/vit-base"}' };

describe('an export of Hugging Face', () => {
  const [huggingFace] = LAYOUTS as [Layout];

  it.each([
    [{ 'onnx/model.onnx': '', 'model.onnx': '', 'onnx/model_fp16.onnx': '' }, 'onnx/model.onnx'],
    [{ 'model.onnx': '', 'onnx/model_fp16.onnx': '' }, 'model.onnx'],
    [{ 'onnx/model_quantized.onnx': '' }, 'onnx/model_quantized.onnx'],
    [{ 'vit.onnx': '' }, 'vit.onnx'],
  ])('has of %j the file %s', async (files, expected) => {
    expect(await found(huggingFace, { ...EXPORT, ...files })).toMatchObject({
      file: expected,
      name: 'vit-base',
    });
  });

  it('has the file that was named', async () => {
    const files = { ...EXPORT, 'onnx/model.onnx': '', 'onnx/model_fp16.onnx': '' };
    expect(await found(huggingFace, files, 'onnx/model_fp16.onnx')).toMatchObject({
      file: 'onnx/model_fp16.onnx',
    });
  });

  it('without a name of its own has that of its folder, or of the repository', async () => {
    const files = { 'config.json': '{"model_type": "vit"}', 'model.onnx': '' };
    const near = await around(files, false);
    const far = {
      ...near,
      source: { ...near.source, localDirectory: undefined, description: 'hf://a/vit@main/' },
    };
    const named = await Promise.all([near, far].map((each) => huggingFace.find(each, undefined)));
    expect(named.map((model) => model?.findings.fields.get('name')?.value)).toEqual(['some-model', 'vit']);
  });

  it('with a tower for images has that', async () => {
    const clip = { 'config.json': '{"model_type": "clip", "vision_config": {}}' };
    const files = { ...clip, 'onnx/model.onnx': '', 'onnx/vision_model.onnx': '' };
    expect(await found(huggingFace, files)).toMatchObject({
      file: 'onnx/vision_model.onnx',
      name: 'some-model',
    });
  });

  it('with several files, none of them the usual one, asks which', async () => {
    const files = { ...EXPORT, 'onnx/model_fp16.onnx': '', 'onnx/model_int8.onnx': '' };
    await expect(find(huggingFace, files)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('without a file in ONNX says what to do', async () => {
    for (const isFar of [false, true])
      await expect(find(huggingFace, EXPORT, undefined, isFar)).rejects.toMatchObject({
        code: 'MODEL_NOT_FOUND',
        message: expect.stringContaining('onnx/model.onnx'),
      });
  });

  it('is none where config.json is of something else, and refused where it is damaged', async () => {
    for (const text of ['{"version": 3}', '[]', 'null', '3'])
      expect(await find(huggingFace, { 'config.json': text, 'model.onnx': '' })).toBeUndefined();
    await expect(find(huggingFace, { 'config.json': '{', 'model.onnx': '' })).rejects.toMatchObject({
      code: 'MODEL_INCOMPATIBLE',
    });
  });
});
