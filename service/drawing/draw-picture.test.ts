import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { encodeGreyPng } from '../tasks/mask-png.js';
import { colourOf } from './colours.js';
import { drawPicture } from './draw-picture.js';
import type { BoxShape, Shape } from './shapes.js';

const GREY = 90;
const BACKGROUND = [32, 32, 32];

interface Seen {
  readonly width: number;
  readonly height: number;
  at(x: number, y: number): number[];
  /** Of the pixels of an area, those that are neither of these colours. */
  others(
    x: number,
    y: number,
    width: number,
    height: number,
    ...colours: readonly (readonly number[])[]
  ): number;
}

function grey(width: number, height: number) {
  return { data: new Uint8Array(width * height * 3).fill(GREY).buffer, width, height };
}

async function drawn(
  shapes: readonly Shape[],
  [width, height]: readonly [number, number] = [640, 480],
  image = { width, height },
): Promise<Seen> {
  return seen(await drawPicture(grey(width, height), image, { shapes, format: 'png' }));
}

async function seen(file: Uint8Array): Promise<Seen> {
  const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number): number[] => {
    const from = (y * info.width + x) * 3;
    return [...data.subarray(from, from + 3)];
  };
  return {
    width: info.width,
    height: info.height,
    at,
    others: (x, y, width, height, ...colours) => {
      const known = new Set([plain, ...colours].map(packed));
      let count = 0;
      for (let row = y; row < y + height; row++) {
        for (let column = x; column < x + width; column++) {
          const from = (row * info.width + column) * 3;
          if (!known.has(data.readUIntBE(from, 3))) count += 1;
        }
      }
      return count;
    },
  };
}

function packed([red = 0, green = 0, blue = 0]: readonly number[]): number {
  return (red << 16) | (green << 8) | blue;
}

function box(x: number, y: number, width: number, height: number, classId = 0, text = 'cat 0.90'): BoxShape {
  return { kind: 'box', box: { x_min: x, y_min: y, x_max: x + width, y_max: y + height }, text, classId };
}

const colourful = await sharp(Buffer.alloc(12), { raw: { width: 2, height: 2, channels: 3 } })
  .png()
  .toBuffer();
const plain = [GREY, GREY, GREY];
const many = (count: number, make: (index: number) => Shape): Shape[] =>
  Array.from({ length: count }, (_, at) => make(at));

describe('a drawn box', () => {
  it('has edges in the colour of its class, inside its bounds, and leaves what is in it as it is', async () => {
    const picture = await drawn([box(100, 100, 200, 150, 3)]);
    expect([picture.width, picture.height]).toEqual([640, 480]);
    for (const [x, y] of [
      [100, 200],
      [299, 200],
      [150, 249],
      [280, 100],
    ] as const) {
      expect(picture.at(x, y)).toEqual([...colourOf(3)]);
    }
    expect(picture.at(200, 175)).toEqual(plain);
    expect(picture.at(99, 200)).toEqual(plain);
    expect(picture.at(300, 200)).toEqual(plain);
  });

  it('is where it was in an image that was reduced', async () => {
    const picture = await drawn([box(1000, 1000, 2000, 1000)], [640, 480], { width: 6400, height: 4800 });
    expect(picture.at(100, 150)).toEqual([...colourOf(0)]);
    expect(picture.at(299, 150)).toEqual([...colourOf(0)]);
  });

  it('has its text above it on a background of its colour', async () => {
    const picture = await drawn([box(100, 100, 200, 150, 0)]);
    expect(picture.at(101, 82)).toEqual([...colourOf(0)]);
    expect(picture.others(100, 80, 80, 20, colourOf(0))).toBeGreaterThan(100);
  });

  it.each([
    ['at the top', box(50, 0, 300, 200)],
    ['at the right', box(620, 200, 20, 40)],
    ['all over the image', box(0, 0, 640, 480)],
    ['at the bottom left', box(-50, 400, 90, 200)],
  ])('has its text inside the picture where it lies %s', async (_, shape) => {
    const picture = await drawn([shape]);
    const ink = picture.others(0, 0, 640, 480, colourOf(0));
    const free = await drawn([box(200, 200, 100, 100)]);
    expect(ink).toBe(free.others(0, 0, 640, 480, colourOf(0)));
  });

  it.each([
    ['no numbers', { x_min: Number.NaN, y_min: 0, x_max: 10, y_max: 10 }],
    ['null, as JSON makes of no number', JSON.parse('{"x_min":null,"y_min":null,"x_max":50,"y_max":50}')],
    ['infinite', { x_min: Number.NEGATIVE_INFINITY, y_min: 0, x_max: 10, y_max: 10 }],
    ['outside', { x_min: 700, y_min: 0, x_max: 800, y_max: 10 }],
    ['inside out', { x_min: 50, y_min: 50, x_max: 10, y_max: 10 }],
  ])('whose corners are %s is left out', async (_, corners) => {
    const picture = await drawn([{ kind: 'box', box: corners, text: 'cat 0.90', classId: 0 }]);
    expect(picture.others(0, 0, 640, 480)).toBe(0);
  });

  it('of no size at the very edge is still seen', async () => {
    const picture = await drawn([box(640, 480, 0, 0, 0, ''), box(639.9, 100, 0, 50, 0, '')]);
    expect(picture.at(639, 120)).toEqual([...colourOf(0)]);
  });
});

describe('texts', () => {
  it.each([
    ['of 500 characters', 'a'.repeat(500)],
    ['of many lines', 'one\ntwo\r\nthree\u2028four'],
    ['with markup', '<span size="99999">&amp;</b> &'],
    ['of emoji, flags and joined ones', '😀🇩🇪👩‍👩‍👧‍👦'],
    ['from right to left, and turned round', 'مرحبا שלום \u202Eabc'],
    ['in Chinese', '猫与狗'],
    ['with marks piled up', `a${'\u0301'.repeat(200)}`],
    ['with half a character', 'x\uD800y\u0000z'],
  ])('%s are drawn on one line, inside the picture', async (_, text) => {
    const picture = await drawn([box(10, 300, 100, 100, 0, `${text} 0.90`)]);
    expect(picture.others(0, 0, 640, 278)).toBe(0);
    expect(picture.others(10, 279, 60, 21)).toBeGreaterThan(100);
  });

  it('that are empty, or blank, take no place', async () => {
    const blank = await drawn([box(10, 300, 100, 100, 0, ' \n\u200b')]);
    expect(blank.others(0, 0, 640, 300)).toBe(0);
  });

  it('never lie over one another: that of the first box stays whole', async () => {
    const alone = await drawn([box(100, 100, 120, 80, 0, 'first 0.90')]);
    const crowd = await drawn([
      box(100, 100, 120, 80, 0, 'first 0.90'),
      ...many(299, (at) => box(100 + (at % 7), 100 + (at % 5), 120, 80, 1, `other ${at}`)),
    ]);
    for (let y = 80; y < 99; y++) {
      const row = (picture: Seen): string =>
        String(Array.from({ length: 80 }, (_, x) => picture.at(100 + x, y)));
      expect(row(crowd)).toBe(row(alone));
    }
  });
});

it('of a crowd of boxes, the middle of each is seen', async () => {
  const crowd = many(400, (at) => box(20 + (at % 20) * 30, 20 + Math.floor(at / 20) * 22, 12, 12, at % 3));
  const picture = await drawn(crowd);
  for (let at = 0; at < 400; at++) {
    expect(picture.at(26 + (at % 20) * 30, 26 + Math.floor(at / 20) * 22)).toEqual(plain);
  }
});

describe('points', () => {
  it('are drawn with the lines between them, none to what is not in the image', async () => {
    const points = [
      { x: 100, y: 100 },
      { x: 300, y: 100 },
      { x: 100, y: 300 },
      { x: 700, y: 400 },
      { x: Number.NaN, y: 5 },
    ];
    const edges = [
      [0, 1],
      [0, 2],
      [1, 3],
      [2, 4],
      [0, 99],
    ] as const;
    const picture = await drawn([{ kind: 'points', points, edges, classId: 5 }]);
    for (const [x, y] of [
      [100, 100],
      [200, 100],
      [100, 200],
      [300, 100],
    ] as const) {
      expect(picture.at(x, y)).toEqual([...colourOf(5)]);
    }
    expect(picture.others(310, 90, 330, 390)).toBe(0);
    expect(picture.others(0, 310, 640, 170)).toBe(0);
  });
});

describe('masks', () => {
  const half = (part: readonly number[]): number[] =>
    part.map((level) => Math.round(GREY + (level - GREY) / 2));
  const png = encodeGreyPng(Uint8Array.from([0, 1, 1, 0]), 2, 2).toString('base64');

  it('tint what they cover in the colour of the class, stretched over their box', async () => {
    const area = { x_min: 100, y_min: 100, x_max: 300, y_max: 200 };
    const picture = await drawn([{ kind: 'mask', png, box: area, classId: 4 }]);
    expect(picture.at(150, 125)).toEqual(plain);
    expect(picture.at(250, 125)).toEqual(half([...colourOf(4)]));
    expect(picture.at(150, 175)).toEqual(half([...colourOf(4)]));
    expect(picture.at(350, 125)).toEqual(plain);
  });

  it('may have a bit for each pixel', async () => {
    // The same, packed: the size and the bits of a pixel are in the header.
    const packed = encodeGreyPng(Uint8Array.from([0b01000000, 0b10000000]), 1, 2);
    packed.writeUInt32BE(2, 16);
    packed[24] = 1;
    const area = { x_min: 100, y_min: 100, x_max: 300, y_max: 200 };
    const ofBits = await drawn([{ kind: 'mask', png: packed.toString('base64'), box: area, classId: 4 }]);
    const ofBytes = await drawn([{ kind: 'mask', png, box: area, classId: 4 }]);
    for (const [x, y] of [
      [150, 125],
      [250, 125],
      [150, 175],
      [250, 175],
    ] as const) {
      expect(ofBits.at(x, y)).toEqual(ofBytes.at(x, y));
    }
  });

  it('of classes tint the whole image, but for the classes that are left as they are', async () => {
    const picture = await drawn([{ kind: 'class-map', png, without: [0] }]);
    expect(picture.at(10, 10)).toEqual(plain);
    expect(picture.at(630, 10)).toEqual(half([...colourOf(1)]));
    expect(picture.at(10, 470)).toEqual(half([...colourOf(1)]));
  });

  it.each([
    ['that are no PNG', 'AAAA'],
    ['of another kind', colourful.toString('base64')],
    ['that end early', encodeGreyPng(new Uint8Array(4), 2, 2).subarray(0, 45).toString('base64')],
  ])('%s are an error', async (_, bad) => {
    await expect(drawn([{ kind: 'class-map', png: bad, without: [] }])).rejects.toThrow();
  });
});

describe('a caption', () => {
  it('lies below the image, whose pixels stay as they are, in colours of the classes', async () => {
    const lines = [
      { text: 'cat 0.91', classId: 0 },
      { text: 'dog 0.08', classId: 1 },
    ];
    const picture = await drawn([{ kind: 'caption', lines }]);
    expect(picture.width).toBe(640);
    expect(picture.height).toBeGreaterThan(480 + 2 * 14);
    expect(picture.others(0, 0, 640, 480)).toBe(0);
    expect(picture.at(1, 482)).toEqual([...colourOf(0)]);
    expect(picture.at(1, picture.height - 2)).toEqual([...colourOf(1)]);
    expect(picture.others(10, 480, 80, 20, BACKGROUND)).toBeGreaterThan(100);
  });

  it('is of bounded height, however many lines it has', async () => {
    const lines = many(1000, () => box(0, 0, 1, 1)).map((_, classId) => ({
      text: `class ${classId}`,
      classId,
    }));
    expect((await drawn([{ kind: 'caption', lines }])).height).toBeLessThan(1000);
  });
});

describe('a picture', () => {
  it.each([
    [
      [1, 1],
      [400, 400],
    ],
    [
      [28, 28],
      [420, 420],
    ],
    [
      [64, 64],
      [448, 448],
    ],
    [
      [64, 48],
      [448, 336],
    ],
    [
      [224, 224],
      [448, 448],
    ],
    [
      [400, 300],
      [400, 300],
    ],
    [
      [2048, 2],
      [2048, 64],
    ],
    [
      [2, 1000],
      [160, 1000],
    ],
  ] as const)('of an image of %j pixels has %j: legible, its pixels repeated', async (image, size) => {
    const picture = await drawn([box(0, 0, image[0], image[1])], image);
    expect([picture.width, picture.height]).toEqual(size);
    expect(picture.others(0, 0, picture.width, picture.height, BACKGROUND)).toBeGreaterThan(100);
  });

  it('has thicker lines where it is larger', async () => {
    const thickness = async (size: readonly [number, number]): Promise<number> => {
      const picture = await drawn([box(0, 0, size[0], size[1], 0, '')], size);
      const colours = Array.from({ length: 20 }, (_, x) => String(picture.at(x, Math.floor(size[1] / 2))));
      return colours.filter((colour) => colour === String(colourOf(0))).length;
    };
    expect(await thickness([2000, 1500])).toBeGreaterThan(await thickness([500, 400]));
  });

  it('can be had in every format', async () => {
    for (const format of ['jpeg', 'png', 'webp'] as const) {
      const file = await drawPicture(
        grey(640, 480),
        { width: 640, height: 480 },
        { shapes: [box(9, 90, 99, 99)], format },
      );
      expect(await sharp(file).metadata()).toMatchObject({ format, width: 640, height: 480 });
    }
  });
});
