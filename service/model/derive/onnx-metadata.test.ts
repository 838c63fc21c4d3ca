import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { meanColourModel, temporaryFolder } from '../../test/support/models.js';
import { encodeOnnx, type OnnxModel } from '../../test/support/onnx.js';
import { type OnnxMetadata, readOnnxMetadata } from './onnx-metadata.js';

const NOTHING = { properties: new Map(), externalData: [], lastOperations: new Map() };

async function read(bytes: Uint8Array): Promise<OnnxMetadata> {
  const path = join(await temporaryFolder(), 'model.onnx');
  await writeFile(path, bytes);
  return readOnnxMetadata(path);
}

const readModel = (model: Partial<OnnxModel>) => read(encodeOnnx({ ...meanColourModel(), ...model }));

/** Tag and length of a field with a length. */
const field = (number: number, body: Uint8Array) =>
  Buffer.concat([Buffer.from([(number << 3) | 2, body.length]), body]);
const entry = (key: Uint8Array, value: Uint8Array) =>
  field(14, Buffer.concat([field(1, key), field(2, value)]));

describe('readOnnxMetadata', () => {
  it('finds what exporters write down, wherever it lies', async () => {
    const metadata = { task: 'detect', names: "{0: 'é'}", empty: '' };
    const { properties } = await readModel({ metadata });
    expect(Object.fromEntries(properties)).toEqual(metadata);
    const first = Buffer.concat([entry(Buffer.from('a'), Buffer.from('b')), encodeOnnx(meanColourModel())]);
    expect((await read(first)).properties).toEqual(new Map([['a', 'b']]));
  });

  it('finds which operation makes an output, and which files hold weights', async () => {
    const data = new Float32Array(3);
    const constant = (name: string, externalFile: string) => ({ name, shape: [3], data, externalFile });
    const found = await readModel({
      constants: [constant('a', 'weights.bin'), constant('b', 'weights.bin'), constant('c', 'more.bin')],
    });
    expect(found.externalData).toEqual(['weights.bin', 'more.bin']);
    expect(found.lastOperations).toEqual(new Map([['scores', 'ReduceMean']]));
  });

  it('does not read weights: 16 MB cost a moment', async () => {
    const data = new Float32Array(4 * 1024 * 1024);
    const startedAt = performance.now();
    const { properties } = await readModel({
      constants: [{ name: 'large', shape: [data.length], data }],
      metadata: { task: 'detect' },
    });
    expect(properties.get('task')).toBe('detect');
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('the bytes of a model')],
    ['zeros', Buffer.alloc(100)],
    ['a number without an end', Buffer.alloc(100, 0xff)],
    ['a field longer than the file', Buffer.from([(14 << 3) | 2, 0xff, 0xff, 0xff, 0x7f])],
    ['a length of 2^63', Buffer.from([(7 << 3) | 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])],
    ['a group, which never ends', Buffer.from([(14 << 3) | 3, 1, 2, 3])],
    ['a field within that ends behind it', Buffer.from([(14 << 3) | 2, 2, 0x0a, 0x7f])],
  ])('finds nothing in %s', async (_, bytes) => {
    expect(await read(bytes)).toEqual(NOTHING);
  });

  it('keeps what it has found before the damage', async () => {
    const whole = encodeOnnx({ ...meanColourModel(), metadata: { task: 'detect', names: "{0: 'a'}" } });
    const { properties } = await read(whole.subarray(0, whole.length - 3));
    expect(properties.get('task')).toBe('detect');
    const damagedGraph = Buffer.concat([
      field(7, Buffer.alloc(40, 0xff)),
      entry(Buffer.from('a'), Buffer.from('b')),
    ]);
    expect((await read(damagedGraph)).properties).toEqual(new Map([['a', 'b']]));
  });

  it('leaves out what is no text, what is too long, and what comes after the thousandth', async () => {
    const notText = entry(Buffer.from('a'), Buffer.from([0xc3, 0x28]));
    expect((await read(notText)).properties).toEqual(new Map());
    expect((await readModel({ metadata: { a: 'x'.repeat(2 ** 21), b: 'y' } })).properties).toEqual(
      new Map([['b', 'y']]),
    );
    const metadata = Object.fromEntries(Array.from({ length: 3000 }, (_, id) => [`key ${id}`, 'x']));
    expect((await readModel({ metadata })).properties.size).toBe(1000);
  });

  it('does not wait for what is no file', async () => {
    const path = join(await temporaryFolder(), 'model.onnx');
    execFileSync('mkfifo', [path]);
    expect(await readOnnxMetadata(path)).toEqual(NOTHING);
  });

  it('gives up a file of nothing but fields', async () => {
    const startedAt = performance.now();
    expect(await read(Buffer.alloc(3 * 1024 * 1024, Buffer.from([0x08, 0x01])))).toEqual(NOTHING);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });
});
