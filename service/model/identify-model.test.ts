import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { meanColourModel, temporaryFolder } from '../test/support/models.js';
import { encodeOnnx } from '../test/support/onnx.js';
import type { Surroundings } from './derive/surroundings.js';
import { type IdentifiedModel, identifyModel, identityOf } from './identify-model.js';
import { createFileSource } from './sources/file.js';
import { SourceFailure } from './sources/source-failure.js';

/** A place that holds these objects, of which none can be listed. */
async function far(names: readonly string[]): Promise<Surroundings> {
  const source = { ...(await createFileSource(await temporaryFolder())), localDirectory: undefined };
  const read = () => Promise.reject(new SourceFailure('missing', 'it is not there'));
  const logger = { info: () => undefined, warn: () => undefined };
  return { source, logger, read, exists: async (name) => names.includes(name) };
}

async function near(externalFiles: readonly string[]): Promise<Surroundings> {
  const folder = await temporaryFolder();
  const data = new Float32Array(3);
  const constants = externalFiles.map((externalFile) => ({
    name: externalFile,
    shape: [3],
    data,
    externalFile,
  }));
  await writeFile(join(folder, 'net.onnx'), encodeOnnx({ ...meanColourModel(), constants }));
  return { ...(await far([])), source: await createFileSource(folder) };
}

describe('weights in other files, of a model without a model.json', () => {
  it.each([
    [
      ['model.onnx_data', 'model.onnx_data_1', 'model.onnx_data_3'],
      ['model.onnx_data', 'model.onnx_data_1'],
    ],
    [['model.onnx.data'], ['model.onnx.data']],
    [[], []],
  ])('are looked for afar under the usual names: of %j, %j', async (names, expected) => {
    expect(await identifyModel(await far(names))).toMatchObject({ externalData: expected });
  });

  it('are those that the file names where it is here', async () => {
    const { externalData } = await identifyModel(await near(['weights.bin', 'more/weights.bin']));
    expect(externalData).toEqual(['weights.bin', 'more/weights.bin']);
  });

  it.each(['../weights.bin', '/etc/passwd', 'a\\b'])(
    'are refused as MODEL_INCOMPATIBLE at %s',
    async (name) => {
      await expect(identifyModel(await near([name]))).rejects.toMatchObject({ code: 'MODEL_INCOMPATIBLE' });
    },
  );
});

describe('identityOf', () => {
  const identified = (fields: Record<string, unknown>, modelName = 'onnx/model.onnx'): IdentifiedModel => ({
    modelName,
    externalData: [],
    manifest: undefined,
    manifestText: '',
    findings: {
      fields: new Map(Object.entries(fields).map(([path, value]) => [path, { value, origin: 'test' }])),
      warnings: [],
    },
    isNamed: true,
  });
  const hex = 'ab'.repeat(32);

  it.each<[Record<string, unknown>, object]>([
    [
      { name: 'vit-base', version: '3' },
      { name: 'vit-base', version: '3' },
    ],
    [{}, { name: 'model', version: hex.slice(0, 12) }],
    [
      { name: '../../etc', version: '<script>' },
      { name: 'etc', version: 'script-' },
    ],
    [
      { name: '...', version: 7 },
      { name: 'model', version: hex.slice(0, 12) },
    ],
    [{ name: 'x'.repeat(1000) }, { name: 'x'.repeat(100) }],
  ])('has a name and a version that a manifest can have: of %j', (fields, expected) => {
    expect(identityOf(identified(fields), `sha256:${hex}`)).toMatchObject({ ...expected, sha256: hex });
  });

  it('says of what its digest is', () => {
    const model = { ...identified({}), externalData: ['weights.bin'] };
    expect(identityOf(model, `sha256-files:${hex}`)).toMatchObject({
      sha256: `sha256-files:${hex}`,
      external_data: ['weights.bin'],
    });
  });
});
