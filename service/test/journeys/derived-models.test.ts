import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { App } from '../../app.js';
import { startApp } from '../support/app.js';
import { boxModel } from '../support/box-model.js';
import { plainPng } from '../support/images.js';
import { meanColourModel, temporaryFolder } from '../support/models.js';
import { encodeOnnx, type OnnxModel } from '../support/onnx.js';
import { startScriptedServer } from '../support/s3-server.js';

type Files = Readonly<Record<string, string | object | Uint8Array>>;

async function folderOf(files: Files): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    const isPlain = typeof content === 'string' || content instanceof Uint8Array;
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), isPlain ? content : JSON.stringify(content));
  }
  return folder;
}

/** As a web server has them: nothing can be listed. */
async function served(folder: string): Promise<string> {
  const { url, close } = await startScriptedServer((request, response) => {
    readFile(join(folder, new URL(request.url ?? '', 'http://x').pathname)).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  onTestFinished(close);
  return url;
}

async function start(MODEL_URI: string): Promise<App> {
  return startApp({ MODEL_URI, MODEL_CACHE_DIR: await temporaryFolder() });
}

async function ask(app: App, payload: Buffer) {
  return (await app.server.inject({ method: 'POST', url: '/predict', payload })).json();
}

/** Its means are 1, 0 and 0. */
const RED = { r: 255, g: 0, b: 0 };
const MODEL = meanColourModel();
const COLOURS = ['red', 'green', 'blue'];

const EXPORT = {
  'config.json': {
    model_type: 'vit',
    architectures: ['ViTForImageClassification'],
    _name_or_path: 'someone/colours',
    id2label: Object.fromEntries(COLOURS.entries()),
  },
  'preprocessor_config.json': {
    image_processor_type: 'ViTImageProcessor',
    size: { height: 4, width: 4 },
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  },
  'onnx/model.onnx': encodeOnnx(MODEL),
};

describe('a model without a model.json', () => {
  it('is served from an export of Hugging Face', async () => {
    // Means of 1, -1 and -1 after normalisation, then softmax.
    const score = 1 / (1 + 2 * Math.exp(-2));
    const answer = await ask(await start(await folderOf(EXPORT)), await plainPng(RED));
    expect(answer).toMatchObject({ task: 'classification', model: { name: 'colours' } });
    expect(answer.predictions[0]).toEqual({ label: 'red', class_id: 0, score: expect.closeTo(score, 4) });
  });

  it('is served from afar with weights in another file, of the file that the URI names', async () => {
    const data = new Float32Array([0, 5, 0]);
    const model: OnnxModel = {
      ...MODEL,
      constants: [{ name: 'more', shape: [3], data, externalFile: 'model_fp16.onnx_data' }],
      nodes: [
        {
          op: 'ReduceMean',
          inputs: ['image'],
          outputs: ['means'],
          attributes: { axes: [2, 3], keepdims: 0 },
        },
        { op: 'Add', inputs: ['means', 'more'], outputs: ['scores'] },
      ],
    };
    const weights = Buffer.from(data.buffer);
    const name = 'onnx/model_fp16.onnx';
    const files = { ...EXPORT, [name]: encodeOnnx(model), [`${name}_data`]: weights };
    const uri = `${await served(await folderOf(files))}/${name}`;
    const { model: named, predictions } = await ask(await start(uri), await plainPng(RED));
    expect(predictions[0].label).toBe('green');
    expect(named.digest).toMatch(/^sha256-files:/);
  });

  it('is served from a file of Ultralytics, with its labels and boxes in pixels of the image', async () => {
    const detector: OnnxModel = {
      ...boxModel([[0, 16, 32, 48, 0.9, 1]]),
      metadata: {
        task: 'detect',
        stride: '32',
        names: "{0: 'cat', 1: 'dog'}",
        imgsz: '[64, 64]',
        end2end: 'True',
      },
    };
    const folder = await folderOf({ 'best.onnx': encodeOnnx(detector) });
    const answer = await ask(await start(folder), await plainPng(RED, 128, 64));
    expect(answer.predictions).toEqual([
      { label: 'dog', class_id: 1, score: 0.9, box: { x_min: 0, y_min: 0, x_max: 64, y_max: 64 } },
    ]);
  });

  it('is served from a folder of MLflow', async () => {
    const MLmodel = 'artifact_path: colours\nrun_id: abc\nflavors:\n  onnx:\n    data: net.onnx\n';
    const folder = await folderOf({ MLmodel, 'net.onnx': encodeOnnx(MODEL) });
    const answer = await ask(await start(folder), await plainPng(RED));
    expect(answer).toMatchObject({
      model: { name: 'colours', version: 'abc' },
      predictions: [{ class_id: 0 }, {}, {}],
    });
  });

  it('is served from a folder of Triton', async () => {
    const config = 'name: "colours" max_batch_size: 8 output { name: "scores" label_filename: "labels.txt" }';
    const folder = await folderOf({
      'config.pbtxt': config,
      'labels.txt': COLOURS.join('\n'),
      '1/model.onnx': 'old',
      '2/model.onnx': encodeOnnx(MODEL),
    });
    const answer = await ask(await start(folder), await plainPng(RED));
    expect(answer).toMatchObject({
      model: { name: 'colours', version: '2' },
      predictions: [{ label: 'red' }, {}, {}],
    });
  });

  it('is served as DETR, whose images have each a size of their own and a mask', async () => {
    const folder = await folderOf({
      'config.json': {
        model_type: 'detr',
        architectures: ['DetrForObjectDetection'],
        id2label: { 0: 'cat' },
      },
      'preprocessor_config.json': {
        image_processor_type: 'DetrImageProcessor',
        size: { shortest_edge: 32, longest_edge: 48 },
      },
      'model.onnx': encodeOnnx(detrModel()),
    });
    const app = await start(folder);
    for (const [width, height] of [
      [128, 64],
      [60, 200],
    ] as const) {
      const { predictions } = await ask(app, await plainPng(RED, width, height));
      const box = { x_min: width / 4, y_min: height / 4, x_max: (3 * width) / 4, y_max: (3 * height) / 4 };
      expect(predictions).toEqual([{ label: 'cat', class_id: 0, score: expect.closeTo(1, 3), box }]);
    }
  });
});

/** Finds a cat in the middle of any image, where all of its mask is 1. */
function detrModel(): OnnxModel {
  return {
    inputs: [
      { name: 'pixel_values', shape: ['batch', 3, 'height', 'width'] },
      { name: 'pixel_mask', shape: ['batch', 64, 64], type: 'int64' },
    ],
    outputs: [
      { name: 'logits', shape: ['batch', 1, 2] },
      { name: 'pred_boxes', shape: ['batch', 1, 4] },
    ],
    constants: [
      { name: 'sure', shape: [1, 1, 2], data: new Float32Array([10, -10]) },
      { name: 'middle', shape: [1, 1, 4], data: new Float32Array([0.5, 0.5, 0.5, 0.5]) },
      { name: 'none', shape: [1], data: new Float32Array([0]) },
    ],
    nodes: [
      { op: 'Cast', inputs: ['pixel_mask'], outputs: ['mask'], attributes: { to: 1 } },
      { op: 'ReduceMean', inputs: ['mask'], outputs: ['share'], attributes: { axes: [1, 2], keepdims: 0 } },
      {
        op: 'ReduceMean',
        inputs: ['pixel_values'],
        outputs: ['mean'],
        attributes: { axes: [1, 2, 3], keepdims: 0 },
      },
      { op: 'Mul', inputs: ['mean', 'none'], outputs: ['zero'] },
      { op: 'Mul', inputs: ['sure', 'share'], outputs: ['seen'] },
      { op: 'Add', inputs: ['seen', 'zero'], outputs: ['logits'] },
      { op: 'Add', inputs: ['middle', 'zero'], outputs: ['pred_boxes'] },
    ],
  };
}

const data = process.env['CV_TEST_DATA'] ?? '';

describe.skipIf(data === '')('files that come alone (skipped unless CV_TEST_DATA is set)', () => {
  it('finds with UltraFace the faces that its makers find', async () => {
    const app = await start(join(data, 'models/ultraface/version-RFB-320.onnx'));
    const { predictions } = await ask(app, await readFile(join(data, 'images/faces-1.jpg')));
    expect(predictions.length).toBeGreaterThan(20);
    expect(predictions[0]).toMatchObject({ label: 'face' });
  });

  it.each(['mnist-cntk', 'mobilenet_v2-random', 'yunet'])('serves %s', async (name) => {
    const app = await start(join(data, 'models', name));
    const answer = await ask(app, await readFile(join(data, 'images/faces-1.jpg')));
    expect(answer.predictions.length).toBeGreaterThan(0);
  });
});
