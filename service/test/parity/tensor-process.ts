import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { resolveModelSpec } from '../../model/model-spec.js';
import { createDecoder, type Decoder } from '../../preprocess/decode.js';
import type { InputSpec } from '../../preprocess/image.js';
import { createResampler, type Resampler } from '../../preprocess/resample.js';

/**
 * The service's preprocessing for whoever asks on standard input, a line of JSON each:
 * `{"input": <as in model.json, with layout, type, width and height>, "file": <image>, "out": <file>}`. Writes the tensor's
 * bytes to `out` and answers with a line, `{"width", "height"}` of the image or `{"error"}`.
 */
interface Question {
  readonly input: Parameters<typeof resolveModelSpec>[0]['input'];
  readonly file: string;
  readonly out: string;
}

interface Preprocessing {
  readonly spec: InputSpec;
  readonly decoder: Decoder;
  readonly resampler: Resampler;
}

const ELEMENTS = { float32: Float32Array, float16: Uint16Array, uint8: Uint8Array } as const;

function specOf(input: Question['input']): InputSpec {
  const { layout = 'NCHW', type = 'float32', width = 1, height = 1, channels = 'rgb' } = input ?? {};
  const depth = channels === 'grey' ? 1 : 3;
  const shape = layout === 'NCHW' ? [-1, depth, height, width] : [-1, height, width, depth];
  const engine = {
    inputs: [{ name: 'image', type, shape }],
    outputs: [{ name: 'output', type: 'float32', shape: [-1, 1] }],
    provider: 'cpu',
    unavailable: [],
  };
  const manifest = { schema_version: 1, name: 'any', version: '1', file: 'model.onnx', task: 'raw' } as const;
  return resolveModelSpec({ ...manifest, ...(input && { input }) }, 'sha256:', engine).plan.input;
}

async function preprocessingOf(input: Question['input']): Promise<Preprocessing> {
  const spec = specOf(input);
  const decoder = createDecoder({ maxPixels: 100_000_000, spec, concurrency: 1, fastDecoders: 'pool' });
  await decoder.started();
  return { spec, decoder, resampler: createResampler(spec) };
}

async function answer({ file, out }: Question, { spec, decoder, resampler }: Preprocessing): Promise<object> {
  const { pixels, width, height } = await decoder.decode(decoder.inspect(readFileSync(file)));
  const depth = spec.channels === 'grey' ? 1 : 3;
  const tensor = new ELEMENTS[spec.type](spec.width * spec.height * depth);
  resampler.resampleInto(pixels, tensor, 0);
  writeFileSync(out, tensor);
  return { width, height };
}

/** Those that ask come with one input after the other. */
let known: { readonly key: string; readonly preprocessing: Preprocessing } | undefined;

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line) as Question;
  const key = JSON.stringify(question.input);
  if (known?.key !== key) {
    await known?.preprocessing.decoder.destroy();
    known = { key, preprocessing: await preprocessingOf(question.input) };
  }
  const reply = await answer(question, known.preprocessing).catch((error: unknown) => ({
    error: String(error),
  }));
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
await known?.preprocessing.decoder.destroy();
