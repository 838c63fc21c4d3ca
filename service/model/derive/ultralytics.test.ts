import { describe, expect, it } from 'vitest';
import type { TensorInfo } from '../../tensor.js';
import { nested } from './findings.js';
import { ultralytics } from './ultralytics.js';

const output = (...shape: number[]): TensorInfo[] => [{ name: 'output0', type: 'float32', shape }];
const properties = (more: Record<string, string> = {}) =>
  new Map(
    Object.entries({
      description: 'Ultralytics YOLO11n model',
      license: 'AGPL-3.0',
      stride: '32',
      task: 'detect',
      imgsz: '[640, 480]',
      names: "{0: 'cat', 1: \"dog's\"}",
      ...more,
    }),
  );

function derived(more: Record<string, string>, outputs: TensorInfo[]) {
  const found = ultralytics(properties(more), outputs);
  return found && nested(found.fields);
}

function codeOf(more: Record<string, string>, outputs: TensorInfo[]): string {
  try {
    derived(more, outputs);
    return 'none';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const LETTERBOX = { rule: 'letterbox', filter: 'opencv-linear', pad_value: [114] };
const SEVENTEEN = Array.from({ length: 17 }, (_, id) => `'p${id}'`).join(', ');

describe('what Ultralytics writes into a file', () => {
  it('tells of a detector its size, its labels and how its images are prepared', () => {
    expect(derived({}, output(1, 6, 8400))).toEqual({
      description: 'Ultralytics YOLO11n model',
      license: 'AGPL-3.0',
      task: 'detection',
      input: { width: 480, height: 640, channels: 'rgb', scale: 1 / 255, resize: LETTERBOX },
      output: { decoder: 'yolo', labels: ['cat', "dog's"] },
    });
  });

  it.each([
    ['end to end, as it says', { end2end: 'True' }, output(1, 300, 6), 'yolo-end-to-end'],
    ['with NMS in the graph', { args: "{'batch': 1, 'nms': True}" }, output(1, 300, 6), 'yolo-end-to-end'],
    ['end to end by its shape', {}, output(1, 300, 6), 'yolo-end-to-end'],
    ['of one class, whose rows are not end to end', { names: "{0: 'a', 1: 'b'}" }, output(1, 6, 6), 'yolo'],
    ['of dynamic size', {}, output(-1, -1, -1), 'yolo'],
    ['with NMS, of dynamic size', { args: "{'nms': True}" }, output(-1, -1, -1), 'yolo-end-to-end'],
    ['RT-DETR', { names: "{0: 'a', 1: 'b', 2: 'c'}" }, output(1, 300, 7), 'rt-detr'],
  ])('tells the decoder of a detector %s', (_, more, outputs, decoder) => {
    expect(derived(more, outputs)).toMatchObject({ task: 'detection', output: { decoder } });
  });

  it('stretches the images of RT-DETR', () => {
    const { input } = derived({ names: "['a', 'b', 'c']" }, output(1, 300, 7)) as { input: object };
    expect(input).toMatchObject({ resize: { rule: 'stretch' } });
  });

  it('tells of a classifier that its scores are probabilities already', () => {
    expect(derived({ task: 'classify', imgsz: '[224, 224]' }, output(1, 2))).toMatchObject({
      task: 'classification',
      input: { width: 224, height: 224, resize: { rule: 'cover', filter: 'bilinear', shortest_edge: 224 } },
      output: { activation: 'none', labels: ['cat', "dog's"] },
    });
  });

  it('tells the points of a pose, with their names where it has them', () => {
    const pose = { task: 'pose', names: "{0: 'person'}", kpt_shape: '[17, 3]' };
    expect(derived(pose, output(1, 56, 8400))).toMatchObject({
      task: 'keypoints',
      input: { resize: LETTERBOX },
      output: { decoder: 'yolo-pose', labels: ['person'] },
    });
    const names = [`[${SEVENTEEN}]`, `{0: [${SEVENTEEN}]}`];
    for (const kpt_names of names) {
      const { output: part } = derived({ ...pose, kpt_names }, output(1, 56, 8400)) as { output: object };
      expect(part).toMatchObject({ points: expect.arrayContaining(['p0', 'p16']) });
    }
  });

  it.each([
    ['masks', { task: 'segment' }, output(1, 38, 8400), 'instance-segmentation', 'yolo-segment'],
    [
      'masks of what is kept',
      { task: 'segment' },
      output(1, 300, 38),
      'instance-segmentation',
      'yolo-segment-end-to-end',
    ],
    [
      'poses of two classes',
      { task: 'pose', kpt_shape: '[17, 3]' },
      output(1, 57, 8400),
      'keypoints',
      'yolo-pose',
    ],
    [
      'poses of what is kept',
      { task: 'pose', kpt_shape: '[17, 3]', end2end: 'True' },
      output(1, 300, 57),
      'keypoints',
      'yolo-pose-end-to-end',
    ],
  ])('tells the decoder of %s', (_, more, outputs, task, decoder) => {
    expect(derived(more, outputs)).toMatchObject({ task, input: { resize: LETTERBOX }, output: { decoder } });
  });

  it('tells of YOLOv5, which writes its names alone, by the shape', () => {
    const v5 = (outputs: TensorInfo[]) =>
      nested(
        ultralytics(
          new Map([
            ['stride', '32'],
            ['names', "['cat', 'dog']"],
          ]),
          outputs,
        )?.fields ?? new Map(),
      );
    expect(v5(output(1, 25_200, 7))).toMatchObject({ task: 'detection', output: { decoder: 'yolo-v5' } });
    expect(v5(output(1, 2))).toMatchObject({
      task: 'classification',
      input: { mean: [0.485, 0.456, 0.406] },
      output: { activation: 'softmax' },
    });
  });

  it('says nothing of a file of others', () => {
    expect(ultralytics(new Map([['names', '[]']]), output(1, 10))).toBeUndefined();
    expect(ultralytics(new Map([['stride', '32']]), output(1, 10))).toBeUndefined();
  });

  it.each<[string, Record<string, string>, TensorInfo[]]>([
    ['more names than classes', { names: "{0: 'a', 1: 'b', 2: 'c'}" }, output(1, 6, 8400)],
    ['that it is end to end, and boxes before suppression', { end2end: 'True' }, output(1, 84, 8400)],
    ['names that skip an id', { names: "{0: 'a', 2: 'c'}" }, output(1, 6, 8400)],
    ['names that are no texts', { names: '{0: 1, 1: 2}' }, output(1, 6, 8400)],
    ['names that are no literal', { names: '{0: person}' }, output(1, 6, 8400)],
    ['no names at all', { names: '{}' }, output(1, 6, 8400)],
    ['rotated boxes', { task: 'obb' }, output(1, 7, 8400)],
    ['a task that nobody knows', { task: 'constructor' }, output(1, 6, 8400)],
    ['a task of ours that is not theirs', { task: 'yolov5-detect' }, output(1, 6, 8400)],
    ['points of two values', { task: 'pose', names: "['p']", kpt_shape: '[17, 2]' }, output(1, 39, 8400)],
    ['points that are no rows', { task: 'pose', kpt_shape: '[17, 3]' }, output(1, 56, 8400)],
    ['masks that are no rows', { task: 'segment' }, output(1, 84, 8400)],
    ['masks that it says are kept, and a grid', { task: 'segment', end2end: 'True' }, output(1, 38, 8400)],
    ['fewer points than values', { task: 'pose', names: "['p']", kpt_shape: '[5, 3]' }, output(1, 56, 8400)],
    [
      'names for other points',
      { task: 'pose', names: "['p']", kpt_shape: '[17, 3]', kpt_names: "['nose']" },
      output(1, 56, 8400),
    ],
    ['four channels', { channels: '4' }, output(1, 6, 8400)],
  ])('is refused as MODEL_INCOMPATIBLE with %s', (_, more, outputs) => {
    expect(codeOf(more, outputs)).toBe('MODEL_INCOMPATIBLE');
  });
});
