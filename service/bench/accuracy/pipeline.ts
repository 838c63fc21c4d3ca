import { PreparedModel } from '../../inference/prepared-model.js';
import { rowOf } from '../../inference/row.js';
import type { Row } from '../../inference/runner.js';
import { createSession } from '../../inference/session.js';
import type { Manifest } from '../../model/manifest.js';
import { resolveModelSpec } from '../../model/model-spec.js';
import { decodeFile } from '../../preprocess/decode-file.js';
import { loadJpegTurbo } from '../../preprocess/decoders/jpeg-turbo.js';
import { createSharpDecoder } from '../../preprocess/decoders/sharp.js';
import type { InputSpec, PreparedImage } from '../../preprocess/image.js';
import { readPlainHeader } from '../../preprocess/plain-header.js';
import { jpegDivisor, reductionFor, type Size } from '../../preprocess/reduction.js';

const MAX_PIXELS = 100_000_000;
const sharp = createSharpDecoder(['jpeg', 'png', 'webp'], MAX_PIXELS);
const turbo = loadJpegTurbo();

/** The way of a JPEG through the service, all of it in this process: no HTTP, no threads, no processes. */
export class Pipeline {
  readonly #model: PreparedModel;
  readonly #input: InputSpec;

  private constructor(model: PreparedModel, input: InputSpec) {
    this.#model = model;
    this.#input = input;
  }

  static async load(path: string, manifest: Manifest, accuracy: InputSpec['accuracy']): Promise<Pipeline> {
    const session = await createSession({ modelPath: path, executionProviders: ['cpu'], intraOpThreads: 1 });
    const asked = { ...manifest, input: { ...manifest.input, accuracy } };
    const { plan } = resolveModelSpec(asked, 'sha256:', session.engine);
    return new Pipeline(new PreparedModel(session, plan), plan.input);
  }

  /** Throws where there is no answer. */
  async answer(
    file: Uint8Array,
    parameters: Row['parameters'] = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    const row = rowOf(await this.#prepare(file), parameters);
    const [item] = (await this.#model.run([row])).items;
    if (item === undefined || !('answer' in item)) throw new Error(`no answer: ${JSON.stringify(item)}`);
    return item.answer;
  }

  /** As the decoder does: what libjpeg-turbo takes stays a file, the rest goes to sharp. */
  async #prepare(jpeg: Uint8Array): Promise<PreparedImage> {
    const spec = this.#input;
    const header = readPlainHeader(jpeg, 'jpeg');
    const request = header && {
      bytes: jpeg,
      format: 'jpeg' as const,
      header,
      reducedTo: undefined,
      jpegDivisor: jpegDivisor(spec, header),
    };
    if (request !== undefined && turbo?.accepts(request)) {
      const { width, height } = request.header;
      return { image: { jpeg, width, height }, format: 'jpeg', width, height };
    }
    const reduce = (image: Size) => reductionFor(spec, image, 'jpeg');
    const { pixels, ...rest } = await decodeFile({ sharp }, Uint8Array.from(jpeg), 'jpeg', {
      maxPixels: MAX_PIXELS,
      reduce,
    });
    return { image: pixels, ...rest };
  }
}

/** The same model with either accuracy. */
export interface Pair {
  readonly exact: Pipeline;
  readonly fast: Pipeline;
}

export async function loadPair(path: string, manifest: Manifest): Promise<Pair> {
  return {
    exact: await Pipeline.load(path, manifest, 'exact'),
    fast: await Pipeline.load(path, manifest, 'fast'),
  };
}
