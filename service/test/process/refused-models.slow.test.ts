import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { StartupErrorCode } from '../../errors.js';
import { Folders } from '../support/folders.js';
import { plainPng } from '../support/images.js';
import { MEAN_COLOUR_MANIFEST, meanColourModel, pickyModel, writeModelFolder } from '../support/models.js';
import type { OnnxModel, OnnxNode } from '../support/onnx.js';
import { expectRefusal } from '../support/refused-start.js';
import { startService } from '../support/service-process.js';

let folders: Folders;
beforeAll(async () => {
  folders = await Folders.create();
  return () => folders.remove();
});

/** A good model folder, after something was done to it. */
async function spoilt(spoil: (folder: string) => Promise<void>): Promise<string> {
  const folder = await writeModelFolder(meanColourModel(), undefined, await folders.next());
  await spoil(folder);
  return folder;
}

async function manifestWith(changes: Record<string, unknown>, model = meanColourModel()): Promise<string> {
  return writeModelFolder(model, { ...MEAN_COLOUR_MANIFEST, ...changes }, await folders.next());
}

async function unhashed(bytes: (folder: string) => Promise<void>): Promise<string> {
  return spoilt(async (folder) => {
    await writeFile(join(folder, 'model.json'), JSON.stringify(MEAN_COLOUR_MANIFEST));
    await bytes(folder);
  });
}

describe.concurrent('a model that cannot be served', () => {
  it.for<[string, StartupErrorCode, () => Promise<string>]>([
    ['a path where nothing is', 'MODEL_NOT_FOUND', async () => '/nowhere/model'],
    ['a folder without a model', 'MODEL_NOT_FOUND', () => folders.next()],
    [
      'a manifest whose digest is of another file',
      'MODEL_DIGEST_MISMATCH',
      () => manifestWith({ sha256: '0'.repeat(64) }),
    ],
    [
      'a file that was cut off',
      'MODEL_DIGEST_MISMATCH',
      () => spoilt((folder) => truncate(join(folder, 'model.onnx'), 100)),
    ],
    [
      'bytes that are no model',
      'MODEL_INCOMPATIBLE',
      () => unhashed((folder) => writeFile(join(folder, 'model.onnx'), Buffer.alloc(4096, 0xa5))),
    ],
    [
      'a model that was cut off before it was hashed',
      'MODEL_INCOMPATIBLE',
      () => unhashed((folder) => truncate(join(folder, 'model.onnx'), 100)),
    ],
    [
      'an empty file',
      'MODEL_INCOMPATIBLE',
      () => unhashed((folder) => writeFile(join(folder, 'model.onnx'), '')),
    ],
    [
      'a manifest that contradicts the file',
      'MODEL_INCOMPATIBLE',
      () => manifestWith({ input: { width: 224, height: 224 } }),
    ],
    [
      'a manifest with too few labels',
      'MODEL_INCOMPATIBLE',
      () => manifestWith({ output: { labels: ['red', 'green'] } }),
    ],
    ['a manifest with an unknown key', 'MODEL_INCOMPATIBLE', () => manifestWith({ colour: 'blue' })],
    [
      'a manifest that is not JSON',
      'MODEL_INCOMPATIBLE',
      () => spoilt((folder) => writeFile(join(folder, 'model.json'), '{"name": ')),
    ],
  ])('%s: %s', async ([, code, model], context) => {
    await expectRefusal(context, { MODEL_URI: await model() }, code);
  });

  it('a file other than the one that MODEL_SHA256 asks for: MODEL_DIGEST_MISMATCH', async (context) => {
    const folder = await manifestWith({});
    await expectRefusal(
      context,
      { MODEL_URI: folder, MODEL_SHA256: 'f'.repeat(64) },
      'MODEL_DIGEST_MISMATCH',
    );
  });

  it.for<[string, string, () => OnnxModel]>([
    ['another answer', 'green', meanColourModel],
    // It fails for bright red, which is what the golden image is.
    ['no answer', 'red', pickyModel],
  ])('%s for a golden image: MODEL_GOLDEN_MISMATCH, naming the image', async ([, label, model], context) => {
    const golden = [{ file: 'golden.png', predictions: [{ label, score: 1 }], tolerance: 0.01 }];
    const folder = await manifestWith({ golden }, model());
    await writeFile(join(folder, 'golden.png'), await plainPng({ r: 255, g: 0, b: 0 }));
    expect(await expectRefusal(context, { MODEL_URI: folder }, 'MODEL_GOLDEN_MISMATCH')).toContain(
      'golden.png',
    );
  });
});

/** As meanColourModel, but what it answers is made of the means by these nodes; `one` and `mask` are there to use. */
function computedModel(nodes: readonly OnnxNode[]): OnnxModel {
  const { inputs, outputs } = meanColourModel();
  const means = {
    op: 'ReduceMean',
    inputs: ['image'],
    outputs: ['means'],
    attributes: { axes: [2, 3], keepdims: 0 },
  };
  const constants = [
    { name: 'one', shape: [1], data: new Float32Array([1]) },
    { name: 'mask', shape: [3], data: new Float32Array([0, 0, Number.NEGATIVE_INFINITY]) },
  ];
  return { inputs, outputs, constants, nodes: [means, ...nodes] };
}

const MASKED = computedModel([{ op: 'Add', inputs: ['means', 'mask'], outputs: ['scores'] }]);

describe.concurrent('a model that answers what is not a number', () => {
  it.for<[string, string, OnnxModel]>([
    ['a black image', 'NaN', computedModel([{ op: 'Div', inputs: ['means', 'means'], outputs: ['scores'] }])],
    [
      'a white image',
      'Infinity',
      computedModel([
        { op: 'Sub', inputs: ['one', 'means'], outputs: ['rest'] },
        { op: 'Div', inputs: ['one', 'rest'], outputs: ['scores'] },
      ]),
    ],
    // Its scores are its outputs: none may be infinite.
    ['grey noise', '-Infinity', MASKED],
  ])(
    'for %s: MODEL_INCOMPATIBLE, naming the output, the image and the value %s',
    async ([image, value, model], context) => {
      const folder = await manifestWith({}, model);
      for (const MAX_BATCH_SIZE of ['1', '4']) {
        const message = await expectRefusal(
          context,
          { MODEL_URI: folder, MAX_BATCH_SIZE },
          'MODEL_INCOMPATIBLE',
        );
        for (const part of ['scores', image, ` ${value} `]) expect(message).toContain(part);
      }
    },
  );

  it('is served where the number that is missing makes no score: a class that softmax masks', async (context) => {
    const output = { ...MEAN_COLOUR_MANIFEST.output, activation: 'softmax' };
    await startService({ MODEL_URI: await manifestWith({ output }, MASKED) }, context.onTestFinished);
  });
});
