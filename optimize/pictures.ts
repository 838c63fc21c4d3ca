import { readFile } from 'node:fs/promises';
import { rowOf } from '../service/inference/row.js';
import type { Row, RowResult } from '../service/inference/runner.js';
import { createDecoder, type Decoder } from '../service/preprocess/decode.js';
import type { ImageFormat, InputSpec } from '../service/preprocess/image.js';
import type { Answer, Parameters } from '../service/tasks/task.js';
import type { Engine } from './engine.js';

/** Images in memory. */
const AT_ONCE = 8;

/** Image files on their way to a model, decoded as the service decodes them. */
export class Pictures {
  readonly #decoder: Decoder;
  readonly #parameters: Parameters;

  /** @param parameters what is asked of the task */
  constructor(spec: InputSpec, formats: readonly ImageFormat[], maxPixels: number, parameters: Parameters) {
    this.#decoder = createDecoder({
      formats: new Set(formats),
      maxPixels,
      spec,
      concurrency: 2,
      fastDecoders: 'thread',
    });
    this.#parameters = parameters;
  }

  /** One for each file, in order; undefined where there is none. */
  async answers(paths: readonly string[], engine: Engine): Promise<(Answer | undefined)[]> {
    const answers: (Answer | undefined)[] = [];
    for (let from = 0; from < paths.length; from += AT_ONCE)
      answers.push(...(await this.#someAnswers(paths.slice(from, from + AT_ONCE), engine)));
    return answers;
  }

  async #someAnswers(paths: readonly string[], engine: Engine): Promise<(Answer | undefined)[]> {
    const rows = await Promise.all(paths.map((path) => this.#row(path).catch(() => undefined)));
    const items = [...(await engine.answers(rows.filter((row) => row !== undefined)))];
    const answers: (Answer | undefined)[] = [];
    for (const [index, path] of paths.entries()) {
      const item = rows[index] && items.shift();
      const again = item !== undefined && 'returned' in item ? await this.#decodedAnswer(path, engine) : item;
      answers.push(again !== undefined && 'answer' in again ? again.answer : undefined);
    }
    return answers;
  }

  async #decodedAnswer(path: string, engine: Engine): Promise<RowResult | undefined> {
    const row = await this.decodedRow(path).catch(() => undefined);
    return row && (await engine.answers([row]))[0];
  }

  async #row(path: string): Promise<Row> {
    const prepared = await this.#decoder.prepare(this.#decoder.inspect(await readFile(path)));
    return rowOf(prepared, this.#parameters);
  }

  /** With pixels, whatever the file is: to run it many times without decoding it again. Throws where it is no image. */
  async decodedRow(path: string): Promise<Row> {
    const inspected = this.#decoder.inspect(await readFile(path));
    const { pixels, ...rest } = await this.#decoder.decode(inspected);
    return rowOf({ ...rest, image: pixels }, this.#parameters);
  }

  close(): Promise<void> {
    return this.#decoder.destroy();
  }
}
