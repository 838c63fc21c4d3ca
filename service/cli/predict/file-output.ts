import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { messageOf } from '../../errors.js';
import { CannotGoOn } from '../outcome.js';
import type { AnswerFormat } from './format.js';
import type { Output } from './output.js';
import { parametersText, type RunInfo } from './record.js';
import { writtenLines } from './written-lines.js';

interface Found {
  readonly done: Set<string>;
  failed: number;
  /** Bytes of what is whole. */
  end: number;
}

/**
 * Answers in a file, each there when `write` settles. What is there already is gone on with: a last line that was not
 * written to its end is cut off. Rejects with CannotGoOn where that was answered by another model, or otherwise, or is not
 * ours, all of which is left as it is.
 */
export async function openFileOutput(path: string, format: AnswerFormat, run: RunInfo): Promise<Output> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o666).catch((error: unknown) => {
    throw new CannotGoOn(`--out ${path} cannot be opened: ${messageOf(error)}`);
  });
  try {
    const found = (await file.stat()).isFile()
      ? await goOn(file, path, format, run)
      : { done: new Set<string>(), failed: 0, end: undefined };
    const writer = new FileWriter(file, path, found.end);
    if (found.end === undefined || found.end === 0) await writer.append(format.header);
    return {
      done: found.done,
      failedBefore: found.failed,
      isFinished: false,
      whenStopped: `the same command goes on with them, with --out ${path}`,
      write: (record) => writer.append(format.encode(record)),
      close: () => writer.close(),
    };
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
}

/** What is there, after what is torn was cut off. */
async function goOn(file: FileHandle, path: string, format: AnswerFormat, run: RunInfo): Promise<Found> {
  const found: Found = { done: new Set(), failed: 0, end: 0 };
  const asked = parametersText(run.parameters);
  let isHeader = format.header !== '';
  for await (const { text, end, isWhole } of writtenLines(file, format.isQuoted)) {
    const isOurs = isHeader ? isBegun(text, isWhole, format) : isWhole || format.isTorn(text);
    if (!isOurs) throw notOurs(path);
    if (!isWhole) break;
    if (isHeader) {
      isHeader = false;
      found.end = end;
      continue;
    }
    const record = format.decode(text);
    if (record === undefined) throw notOurs(path);
    if (record.digest !== run.model.digest || record.parameters !== asked) {
      throw new CannotGoOn(
        `--out ${path} has answers of ${by(record.digest, record.parameters)}, and this is ${by(run.model.digest, asked)}: choose another file, or remove it`,
      );
    }
    if (!record.isLast) continue;
    found.done.add(record.file);
    if (record.isError) found.failed += 1;
    found.end = end;
  }
  if ((await file.stat()).size > found.end) await file.truncate(found.end);
  return found;
}

function isBegun(text: string, isWhole: boolean, { header }: AnswerFormat): boolean {
  return isWhole ? `${text}\n` === header : header.startsWith(text);
}

function by(digest: string, parameters: string): string {
  return `the model ${digest}${parameters === '' ? '' : ` asked for ${parameters}`}`;
}

function notOurs(path: string): CannotGoOn {
  return new CannotGoOn(
    `--out ${path} is there already and has something else in it: choose another file, or remove it`,
  );
}

/** Writes one after the other; a piece that fails is not begun again. */
class FileWriter {
  readonly #file: FileHandle;
  readonly #path: string;
  /** Undefined where the output has no places: a device or a pipe. */
  #end: number | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, path: string, end: number | undefined) {
    this.#file = file;
    this.#path = path;
    this.#end = end;
  }

  append(text: string): Promise<void> {
    this.#last = this.#last.then(() => this.#write(Buffer.from(text)));
    return this.#last;
  }

  async close(): Promise<void> {
    await this.#last.catch(() => undefined);
    await this.#file.close();
  }

  async #write(bytes: Buffer): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await this.#file
        .write(bytes, written, bytes.length - written, this.#end ?? null)
        .catch((error: unknown) => {
          throw new CannotGoOn(`--out ${this.#path} cannot be written: ${messageOf(error)}`);
        });
      written += bytesWritten;
      if (this.#end !== undefined) this.#end += bytesWritten;
    }
  }
}
