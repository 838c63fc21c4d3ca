import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unloadableModel } from '../test/support/endless-model.js';
import { meanColourModel, temporaryFolder, writeModelFolder } from '../test/support/models.js';
import { preflight } from './preflight.js';

const patient = new AbortController().signal;
const PATIENCE_MS = 60_000;

async function options(bytes?: Buffer) {
  const folder = bytes === undefined ? await writeModelFolder(meanColourModel()) : await temporaryFolder();
  const modelPath = join(folder, 'model.onnx');
  if (bytes !== undefined) await writeFile(modelPath, bytes);
  return { modelPath, executionProviders: ['cpu'], intraOpThreads: 1 };
}

/** An initializer that is an input as well: ONNX Runtime warns that it cannot fold it. */
function overridableModel() {
  const model = meanColourModel();
  return {
    ...model,
    inputs: [...model.inputs, { name: 'offset', shape: [1] }],
    constants: [{ name: 'offset', shape: [1], data: new Float32Array([0]) }],
    nodes: [
      { ...(model.nodes[0] ?? { op: '', inputs: [] }), outputs: ['means'] },
      { op: 'Add', inputs: ['means', 'offset'], outputs: ['scores'] },
    ],
  };
}

describe('preflight', () => {
  it('says what the file declares', async () => {
    const { engine, warnings } = await preflight(await options(), PATIENCE_MS, patient);
    expect(engine.inputs).toEqual([{ name: 'image', type: 'float32', shape: [-1, 3, 4, 4] }]);
    expect(engine.provider).toBe('cpu');
    expect(warnings).toEqual([]);
  });

  it('catches what ONNX Runtime would have written to stderr', async () => {
    const folder = await writeModelFolder(overridableModel());
    const { warnings } = await preflight(
      { ...(await options()), modelPath: join(folder, 'model.onnx') },
      PATIENCE_MS,
      patient,
    );
    expect(warnings).toEqual([expect.stringContaining('offset')]);
  });

  it.each([
    ['garbage', Buffer.from('not a model'), 'failed:Protobuf parsing failed.'],
    ['an empty file', Buffer.alloc(0), 'failed: ModelProto does not have a graph.'],
  ])('refuses %s as MODEL_INCOMPATIBLE, in words for those who use it', async (_, bytes, words) => {
    const given = await options(bytes);
    await expect(preflight(given, PATIENCE_MS, patient)).rejects.toMatchObject({
      code: 'MODEL_INCOMPATIBLE',
      message: `ONNX Runtime refused the model: Load model from ${given.modelPath} ${words}`,
    });
  });

  it.skipIf(process.platform !== 'linux' || process.arch !== 'x64')(
    'says which library of a provider is missing',
    async ({ skip }) => {
      const given = { ...(await options()), executionProviders: ['cuda'] };
      const answer = await preflight(given, PATIENCE_MS, patient).catch((error: unknown) => error);
      if (!(answer instanceof Error)) skip('there is a GPU here');
      expect(answer).toMatchObject({
        code: 'MODEL_INCOMPATIBLE',
        message: expect.stringMatching(/: \S*lib\w+\.so[\w.]*: cannot open|CUDA failure/),
      });
    },
  );

  it('refuses a file that takes longer than it may as MODEL_INCOMPATIBLE', async () => {
    const folder = await writeModelFolder(unloadableModel());
    const given = { ...(await options()), modelPath: join(folder, 'model.onnx') };
    await expect(preflight(given, 2000, patient)).rejects.toMatchObject({ code: 'MODEL_INCOMPATIBLE' });
  });

  it('gives up when it is told to, whatever the file is doing', async () => {
    const folder = await writeModelFolder(unloadableModel());
    const given = { ...(await options()), modelPath: join(folder, 'model.onnx') };
    const stop = new AbortController();
    const refused = expect(preflight(given, PATIENCE_MS, stop.signal)).rejects.toThrow('enough');
    stop.abort(new Error('enough'));
    await refused;
  });

  it('gives up at once when it was told to before', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(preflight(await options(), PATIENCE_MS, signal)).rejects.toThrow('enough');
  });
});
