import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../package-files.js';
import { TASK_NAMES } from '../../tasks/tasks.js';
import { startApp } from '../../test/support/app.js';
import { BOX_MANIFEST, boxModel, instanceModel } from '../../test/support/box-model.js';
import { plainPng } from '../../test/support/images.js';
import {
  folderAround,
  MEAN_COLOUR_MANIFEST,
  meanColourModel,
  temporaryFolder,
  writeModelFolder,
} from '../../test/support/models.js';
import type { OnnxModel } from '../../test/support/onnx.js';
import {
  axeFindings,
  closeBrowserAtEnd,
  draw,
  slide,
  visit,
  waitForHeadline,
} from './browser.test-support.js';

closeBrowserAtEnd();
const data = process.env['CV_TEST_DATA'] ?? '';
const FINDER = join(PACKAGE_ROOT, 'service/models/digit-finder');
const GOLDEN = join(PACKAGE_ROOT, 'service/models/digits/golden');

describe('a classifier', () => {
  it('has answered a sample before anybody does anything, with all that there is to know of it', async () => {
    const { page } = await visit(await startApp());
    await waitForHeadline(page, '0');
    expect(await page.locator('h1').textContent()).toBe('digits');
    expect(await page.locator('.bars li').count()).toBe(3);
    expect(await page.locator('.bars li').first().textContent()).toMatch(/^0.*99\.9\d %$/);
    expect(await page.locator('.stages dt').allTextContents()).toEqual(
      expect.arrayContaining(['decode', 'wait', 'model', 'read the answer', 'in all']),
    );
    expect(await page.locator('#code pre').textContent()).toMatch(
      /^curl --data-binary @0-dark-on-light\.png/,
    );
    await page.locator('.sample img').nth(11).waitFor();
    expect(await axeFindings(page)).toEqual([]);
  });

  it('reads what is drawn, dark on light and light on dark', async () => {
    const { page } = await visit(await startApp());
    await waitForHeadline(page, '0');
    await page.getByRole('button', { name: 'Draw', exact: true }).click();
    const seven = [
      [
        [0.25, 0.2],
        [0.75, 0.2],
        [0.45, 0.85],
      ],
    ] as const;
    await draw(page, seven);
    await waitForHeadline(page, '7');
    await page.getByRole('button', { name: 'Light on dark' }).click();
    await page.getByRole('button', { name: 'Clear' }).click();
    await draw(page, [
      [
        [0.5, 0.15],
        [0.5, 0.85],
      ],
    ]);
    await waitForHeadline(page, '1');
    expect(await axeFindings(page)).toEqual([]);
  });

  it('answers anew as soon as a parameter changes, and as the model says once that is asked for', async () => {
    const { page } = await visit(await startApp());
    await waitForHeadline(page, '0');
    await slide(page, 'top_k', 7);
    await page.locator('.bars li').nth(6).waitFor();
    expect(await page.locator('#code pre').textContent()).toContain('?top_k=7');
    await slide(page, 'threshold', 1);
    await waitForHeadline(page, 'Nothing');
    await page.getByRole('button', { name: 'As the model says' }).click();
    await waitForHeadline(page, '0');
    expect(await page.locator('.bars li').count()).toBe(3);
    expect(await page.locator('#code pre').textContent()).not.toContain('?');
  });

  it('whose scores are no shares is shown with its scores, and with its labels as they are', async () => {
    const labels = [
      '<img src=x onerror=alert(1)>',
      'a label that is very long indeed, and then some more',
      '',
    ];
    const manifest = {
      ...MEAN_COLOUR_MANIFEST,
      input: { scale: 1 },
      output: { ...MEAN_COLOUR_MANIFEST.output, labels },
    };
    const folder = await writeModelFolder(meanColourModel(), manifest);
    const { page } = await visit(await startApp({ MODEL_URI: folder }));
    const buffer = await plainPng({ r: 255, g: 51, b: 0 });
    await page.locator('#file').setInputFiles({ name: '<b>.png', mimeType: 'image/png', buffer });
    await waitForHeadline(page, labels[0] ?? '');
    expect(await page.locator('.bar-value').allTextContents()).toEqual(['255', '51', '0']);
    expect(await page.locator('figcaption').textContent()).toBe('<b>.png');
  });
});

describe('a detector', () => {
  it('shows its boxes over the image, and only those that are asked for', async () => {
    const { page } = await visit(await startApp({ MODEL_URI: FINDER }));
    await waitForHeadline(page, '7 objects');
    expect(await page.locator('svg .box').count()).toBe(7);
    expect(await page.locator('.objects li').count()).toBe(7);
    await slide(page, 'threshold', 0.85);
    await waitForHeadline(page, '2 objects');
    expect(await page.locator('svg .box').count()).toBe(2);
    await page.locator('.chip', { hasText: '8' }).click();
    await waitForHeadline(page, '1 object');
    expect(await page.locator('.tag').textContent()).toMatch(/^8 8\d\.\d %$/);
    expect(await page.locator('#code pre').textContent()).toContain('threshold=0.85&classes=8');
    expect(await axeFindings(page)).toEqual([]);
  });

  it('answers anew as its boxes may overlap more, and as fewer are wanted', async () => {
    const { page } = await visit(await startApp({ MODEL_URI: FINDER }));
    await waitForHeadline(page, /^7 objects$/);
    await slide(page, 'iou', 0.95);
    await waitForHeadline(page, /^\d\d objects$/);
    await page.getByLabel('max_detections', { exact: true }).fill('1');
    await waitForHeadline(page, /^1 object$/);
    const code = await page.locator('#code pre').textContent();
    for (const asked of ['iou=0.95', 'max_detections=1']) expect(code).toContain(asked);
  });

  it('of many labels takes those that are typed', async () => {
    const labels = Array.from({ length: 30 }, (_, id) => `kind ${id}`);
    const found = boxModel([
      [0, 0, 20, 20, 0.9, 0],
      [30, 30, 60, 60, 0.8, 27],
    ]);
    const manifest = { ...BOX_MANIFEST, output: { ...BOX_MANIFEST.output, labels } };
    const { page } = await visit(await startApp({ MODEL_URI: await writeModelFolder(found, manifest) }));
    await page.locator('#file').setInputFiles(join(GOLDEN, '7-blocks.png'));
    await waitForHeadline(page, '2 objects');
    expect(await page.locator('.chip').count()).toBe(0);
    await page.getByLabel('Add to classes').fill('kind 27');
    await waitForHeadline(page, '1 object');
    expect(await page.locator('.tag').textContent()).toMatch(/^kind 27 /);
    expect(await axeFindings(page)).toEqual([]);
    await page.locator('.chip', { hasText: 'kind 27' }).click();
    await waitForHeadline(page, '2 objects');
  });

  it('shows where the object lies that is pointed at', async () => {
    const { page } = await visit(await startApp({ MODEL_URI: FINDER }));
    await waitForHeadline(page, '7 objects');
    await page.locator('.objects li').nth(2).hover();
    expect(await page.locator('g.is-dim').count()).toBe(6);
    expect(await page.locator('.tag.is-lit').textContent()).toContain('4');
  });

  it('lays boxes where the image shows what they are about, EXIF applied', async () => {
    const { page } = await visit(await startApp({ MODEL_URI: FINDER }));
    await waitForHeadline(page, '7 objects');
    await page.getByRole('button', { name: 'Sample turned-exif.jpg' }).click();
    await page.locator('figcaption', { hasText: 'turned-exif.jpg' }).waitFor();
    await page.waitForFunction(() => {
      const image = document.querySelector<HTMLImageElement>('.media img');
      const size = document.querySelector('.over svg')?.getAttribute('viewBox');
      return size === `0 0 ${image?.naturalWidth} ${image?.naturalHeight}`;
    });
  });
});

describe.skipIf(data === '')('real models (skipped unless CV_TEST_DATA is set)', () => {
  const image = (name: string): string => join(data, 'images', name);

  it('UltraFace finds the faces of a photograph', async () => {
    const folder = await folderAround(join(data, 'models/ultraface/version-RFB-320.onnx'), {
      task: 'detection',
      input: { mean: [0.4980392156862745], std: [0.5019607843137255] },
      output: { labels: ['face'], threshold: 0.7, iou: 0.3 },
    });
    const { page } = await visit(await startApp({ MODEL_URI: folder }));
    await page.locator('#file').setInputFiles(image('faces-1.jpg'));
    await waitForHeadline(page, /^\d\d objects$/);
    expect(await page.locator('svg .box').count()).toBeGreaterThan(30);
    expect(await axeFindings(page)).toEqual([]);
  });

  it('YuNet finds them with eyes, nose and mouth', async () => {
    const folder = await folderAround(join(data, 'models/yunet/yunet_n_320_320.onnx'), {
      task: 'keypoints',
      input: {
        channels: 'bgr',
        resize: { rule: 'letterbox', filter: 'opencv-linear', position: 'top-left' },
        scale: 1,
      },
      output: { labels: ['face'], threshold: 0.6 },
    });
    const { page } = await visit(await startApp({ MODEL_URI: folder }));
    await page.locator('#file').setInputFiles(image('faces-1.jpg'));
    await waitForHeadline(page, /^\d\d objects$/);
    const boxes = await page.locator('svg .box').count();
    expect(await page.locator('svg .dot').count()).toBe(boxes * 5);
    expect(await axeFindings(page)).toEqual([]);
  });

  it('a model of handwritten digits without samples begins with a place to draw', async () => {
    const { page } = await visit(await startApp({ MODEL_URI: join(data, 'models/mnist-cntk') }));
    await page.getByRole('button', { name: 'Light on dark' }).click();
    await draw(page, [
      [
        [0.3, 0.25],
        [0.72, 0.25],
        [0.45, 0.8],
      ],
    ]);
    await page.locator('.headline').waitFor();
    expect(await page.locator('.bars li').count()).toBe(5);
    expect(await axeFindings(page)).toEqual([]);
  });

  it('MobileNetV2 as an embedding tells how much two images are alike', async () => {
    const folder = await folderAround(join(data, 'models/mobilenet_v2-random/model.onnx'), {
      task: 'embedding',
      input: { width: 224, height: 224, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
      output: { name: 'logits', normalize: true },
    });
    const { page } = await visit(await startApp({ MODEL_URI: folder }));
    await page.locator('#file').setInputFiles(image('photo-vga.jpg'));
    await waitForHeadline(page, '1000 dimensions');
    await page.locator('#file').setInputFiles(image('faces-1.jpg'));
    await waitForHeadline(page, /^0\.\d\d\d$/);
    await page.locator('#file').setInputFiles(image('photo-vga.jpg'));
    await waitForHeadline(page, '1.000');
    expect(await axeFindings(page)).toEqual([]);
  });

  it('the same without a task shows its raw outputs', async () => {
    const folder = await folderAround(join(data, 'models/mobilenet_v2-random/model.onnx'), {
      task: 'raw',
      input: { width: 224, height: 224 },
    });
    const { page } = await visit(await startApp({ MODEL_URI: folder }));
    await page.locator('#file').setInputFiles(image('photo-vga.jpg'));
    await waitForHeadline(page, '1 output');
    expect(await page.locator('.output').textContent()).toMatch(/^logits float32 \[1000\].*988 more$/);
    expect(await axeFindings(page)).toEqual([]);
  });
});

describe('an embedding', () => {
  it('with samples begins with two of them, side by side', async () => {
    const colours = { 'red.png': { r: 255, g: 0, b: 0 }, 'mixed.png': { r: 255, g: 255, b: 0 } };
    const golden = Object.entries(colours).map(([file, { r, g, b }]) => ({
      file,
      embedding: [r / 255, g / 255, b / 255],
    }));
    const files = await Promise.all(
      Object.entries(colours).map(async ([file, colour]) => [file, await plainPng(colour)] as const),
    );
    const manifest = { ...MEAN_COLOUR_MANIFEST, task: 'embedding', output: {}, golden };
    const folder = await temporaryFolder();
    await writeModelFolder(meanColourModel(), manifest, folder, Object.fromEntries(files));
    const { page } = await visit(await startApp({ MODEL_URI: folder }));
    await waitForHeadline(page, '0.707');
    expect(await page.locator('figcaption').allTextContents()).toEqual(['red.png', 'mixed.png']);
    await page.getByRole('radio', { name: 'Image A' }).check();
    await page.getByRole('button', { name: 'Sample mixed.png' }).click();
    await waitForHeadline(page, '1.000');
    expect(await page.locator('.sample[aria-pressed=true]').count()).toBe(1);
    expect(await axeFindings(page)).toEqual([]);
  });
});

/** The picture itself as scores: class 0 where it is red, 1 where green, 2 where blue. */
const PIXELS: OnnxModel = {
  inputs: [{ name: 'image', shape: ['batch', 3, 8, 8] }],
  outputs: [{ name: 'logits', shape: ['batch', 3, 8, 8] }],
  nodes: [{ op: 'Relu', inputs: ['image'], outputs: ['logits'] }],
};

const PIXELS_MANIFEST = {
  ...MEAN_COLOUR_MANIFEST,
  task: 'segmentation',
  output: { labels: ['background', 'grass', 'water'] },
};

describe('a segmentation', () => {
  it('colours the classes over the image, and hides those that are not wanted', async () => {
    const folder = await writeModelFolder(PIXELS, PIXELS_MANIFEST);
    const { page } = await visit(await startApp({ MODEL_URI: folder }));
    const buffer = await plainPng({ r: 0, g: 200, b: 9 }, 40, 20);
    await page.locator('#file').setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer });
    await waitForHeadline(page, 'grass');
    const painted = () =>
      page.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>('.over canvas');
        return [...(canvas?.getContext('2d')?.getImageData(5, 5, 1, 1).data ?? [])];
      });
    expect((await painted())[3]).toBeGreaterThan(100);
    expect(await axeFindings(page)).toEqual([]);
    await page.getByLabel('grass').uncheck();
    expect((await painted())[3]).toBe(0);
  });
});

const INSTANCE_MANIFEST = {
  ...BOX_MANIFEST,
  task: 'instance-segmentation',
  output: { labels: ['cat', 'dog'] },
};

describe('instances', () => {
  it('have masks and boxes in the colour of their class', async () => {
    const folder = await writeModelFolder(instanceModel(), INSTANCE_MANIFEST);
    const { page } = await visit(await startApp({ MODEL_URI: folder }));
    const buffer = await plainPng({ r: 90, g: 90, b: 90 }, 128, 128);
    await page.locator('#file').setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer });
    await waitForHeadline(page, '2 objects');
    expect(await page.locator('.over canvas').count()).toBe(2);
    const upper = await page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>('.over canvas');
      const at = (y: number) => [...(canvas?.getContext('2d')?.getImageData(3, y, 1, 1).data ?? [])][3];
      return [at(3), at((canvas?.height ?? 0) - 3)];
    });
    expect(upper).toEqual([140, 0]);
    expect(await axeFindings(page)).toEqual([]);
  });
});

/** All 17 points on a circle; the last one is hardly seen. */
function personModel(): OnnxModel {
  const points = Array.from({ length: 17 }, (_, at) => [
    32 + 20 * Math.cos(at),
    32 + 20 * Math.sin(at),
    at === 16 ? 0.1 : 0.9,
  ]);
  return boxModel([[8, 8, 56, 56, 0.9, 0, ...points.flat()]]);
}

const PERSON_MANIFEST = {
  ...BOX_MANIFEST,
  task: 'keypoints',
  output: { decoder: 'yolo-pose-end-to-end', labels: ['person'] },
};

describe('keypoints of a person', () => {
  it('are joined as a skeleton, but for those that are not seen', async () => {
    const folder = await writeModelFolder(personModel(), PERSON_MANIFEST);
    const { page } = await visit(await startApp({ MODEL_URI: folder }));
    const buffer = await plainPng({ r: 90, g: 90, b: 90 }, 128, 128);
    await page.locator('#file').setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer });
    await waitForHeadline(page, '1 object');
    expect(await page.locator('svg .dot').count()).toBe(16);
    expect(await page.locator('svg .bone').count()).toBe(15);
  });
});

/** A small model of each task, its manifest, and the large words of its answer to a red picture. */
const OF_EACH_TASK: readonly (readonly [string, OnnxModel, Record<string, unknown>, string])[] = [
  ['classification', meanColourModel(), MEAN_COLOUR_MANIFEST, 'red'],
  ['detection', boxModel([[8, 8, 56, 56, 0.9, 0]]), BOX_MANIFEST, '1 object'],
  ['keypoints', personModel(), PERSON_MANIFEST, '1 object'],
  ['instance-segmentation', instanceModel(), INSTANCE_MANIFEST, '2 objects'],
  ['segmentation', PIXELS, PIXELS_MANIFEST, 'background'],
  [
    'embedding',
    meanColourModel(),
    { ...MEAN_COLOUR_MANIFEST, task: 'embedding', output: {} },
    '3 dimensions',
  ],
  ['raw', meanColourModel(), { ...MEAN_COLOUR_MANIFEST, task: 'raw', output: {} }, '1 output'],
];

describe('each task', () => {
  it('is among those that are played', () => {
    expect(new Set(OF_EACH_TASK.map(([task]) => task))).toEqual(new Set(TASK_NAMES));
  });

  it.each(OF_EACH_TASK)(
    '%s has an answer that everybody can read',
    async (task, model, manifest, headline) => {
      const folder = await writeModelFolder(model, manifest);
      const { page } = await visit(await startApp({ MODEL_URI: folder }));
      const buffer = await plainPng({ r: 255, g: 0, b: 0 }, 64, 64);
      await page.locator('#file').setInputFiles({ name: 'red.png', mimeType: 'image/png', buffer });
      await waitForHeadline(page, headline);
      await page.getByRole('tab', { name: 'Answer' }).click();
      expect(await page.locator('#code pre').textContent()).toContain(`"task": "${task}"`);
      expect(await axeFindings(page)).toEqual([]);
    },
  );
});

describe('in the dark', () => {
  it.each([
    ['digits', '0'],
    ['digit-finder', '7 objects'],
  ])('%s is as easy to read', async (model, headline) => {
    const app = await startApp({ MODEL_URI: join(PACKAGE_ROOT, 'service/models', model) });
    const { page } = await visit(app, { colorScheme: 'dark' });
    await waitForHeadline(page, headline);
    expect(await axeFindings(page)).toEqual([]);
  });
});

it('an image is given by file, by the clipboard and by dropping it', async () => {
  const { page } = await visit(await startApp());
  await waitForHeadline(page, '0');
  await page.locator('#file').setInputFiles(join(GOLDEN, '7-blocks.png'));
  await waitForHeadline(page, '7');
  for (const [kind, sample, label] of [
    ['paste', '2-colour.png', '2'],
    ['drop', '5-wide.png', '5'],
  ] as const) {
    await page.evaluate(
      async ([type, url]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([await (await fetch(url)).blob()], 'given.png', { type: 'image/png' }));
        const given = { bubbles: true, cancelable: true };
        document.body.dispatchEvent(
          type === 'paste'
            ? new ClipboardEvent('paste', { ...given, clipboardData: transfer })
            : new DragEvent('drop', { ...given, dataTransfer: transfer }),
        );
      },
      [kind, `playground/samples/${sample === '2-colour.png' ? 2 : 5}`] as const,
    );
    await waitForHeadline(page, label);
    expect(await page.locator('figcaption').textContent()).toBe('given.png');
  }
});
