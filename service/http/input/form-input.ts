import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy';
import type { ServiceError } from '../../errors.js';
import { CollectedBytes } from './collected-bytes.js';
import {
  batchTooLarge,
  imageTooLarge,
  missing,
  multipartFault,
  noFile,
  tooManyParts,
} from './input-errors.js';
import type { ImageInput, InputLimits } from './input-limits.js';

export type FormField = 'file' | 'files';

/** What a form may hold beside its files: boundaries, the heads of its parts, small fields. */
export const FORM_ENVELOPE_BYTES = 1024 * 1024;
/** Parts beside the images: tokens, comments, whatever clients send along. */
const MAX_OTHER_PARTS = 20;
const MAX_FIELD_BYTES = 4096;

/** One file of the field that is asked for. */
interface FormFile {
  readonly name: string;
  readonly bytes: CollectedBytes;
  isTooLarge: boolean;
}

/** Finds the images of a multipart form while it arrives; of everything else names are all that is kept. */
export class FormImages {
  readonly #fieldName: FormField;
  readonly #limits: InputLimits;
  readonly #parser: BusboyInstance;
  readonly #files: FormFile[] = [];
  readonly #otherFields: string[] = [];
  #bytes = 0;
  #isEmpty = true;
  #fault: ServiceError | undefined;

  /** Throws REQUEST_INVALID where the headers are not those of a form. */
  constructor(headers: IncomingHttpHeaders, fieldName: FormField, limits: InputLimits) {
    this.#fieldName = fieldName;
    this.#limits = limits;
    this.#parser = this.#parserOf(headers);
    this.#parser
      .on('file', (name, stream, fileName) => this.#onFile(name, stream, fileName))
      .on('field', (name) => void this.#otherFields.push(name))
      .on('partsLimit', () => this.#fail(multipartFault(`it has more than ${this.#maxParts} parts`)))
      .on('fieldsLimit', () => this.#fail(multipartFault(`it has more than ${MAX_OTHER_PARTS} fields`)))
      .on('error', (error) => this.#fail(multipartFault(error)));
  }

  /** Takes the next piece. Throws REQUEST_INVALID and BATCH_TOO_LARGE. */
  write(piece: Buffer): void {
    this.#isEmpty &&= piece.length === 0;
    this.#parser.write(piece);
    if (this.#fault !== undefined) throw this.#fault;
  }

  /** All images, once the body has ended. Throws as `write`, and IMAGE_MISSING. */
  async end(): Promise<ImageInput[]> {
    if (!this.#isEmpty) {
      const finished = once(this.#parser, 'finish');
      this.#parser.end();
      await finished.catch((error: unknown) => this.#fail(multipartFault(error)));
    }
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#files.length === 0) throw noFile(this.#fieldName, this.#otherFields);
    return this.#files.map((file) => this.#imageOf(file));
  }

  get #maxImages(): number {
    return this.#fieldName === 'files' ? this.#limits.maxBatchImages : 1;
  }

  get #maxParts(): number {
    return this.#maxImages + MAX_OTHER_PARTS;
  }

  #parserOf(headers: IncomingHttpHeaders): BusboyInstance {
    const { maxImageBytes } = this.#limits;
    try {
      return new Busboy({
        headers: { ...headers, 'content-type': headers['content-type'] ?? '' },
        // By its name, since some clients send the bytes without a name of their own.
        isPartAFile: (field, _type, fileName) => field === this.#fieldName || fileName !== undefined,
        // Never full: what is written is looked at there and then.
        fileHwm: Number.MAX_SAFE_INTEGER,
        limits: {
          fileSize: maxImageBytes,
          fields: MAX_OTHER_PARTS,
          fieldSize: MAX_FIELD_BYTES,
          parts: this.#maxParts,
        },
      });
    } catch (error) {
      throw multipartFault(error);
    }
  }

  #onFile(field: string, stream: BusboyFileStream, fileName: string | undefined): void {
    stream.on('error', (error) => this.#fail(multipartFault(error)));
    if (field !== this.#fieldName) {
      this.#otherFields.push(field);
      stream.resume();
      return;
    }
    if (this.#files.length === this.#maxImages) {
      this.#fail(tooManyParts(this.#fieldName, this.#limits));
      return;
    }
    const file: FormFile = { name: fileName ?? field, bytes: new CollectedBytes(), isTooLarge: false };
    this.#files.push(file);
    stream.on('limit', () => {
      file.isTooLarge = true;
    });
    stream.on('data', (piece: Buffer) => this.#collect(file, piece));
    // Here and not at the end of the form: those of a batch would all be joined at once.
    stream.once('end', () => void file.bytes.join());
  }

  #collect(file: FormFile, piece: Buffer): void {
    file.bytes.add(piece);
    this.#bytes += piece.length;
    if (this.#bytes > this.#limits.maxBatchBytes) this.#fail(batchTooLarge(this.#limits.maxBatchBytes));
  }

  #imageOf({ name, bytes, isTooLarge }: FormFile): ImageInput {
    if (isTooLarge) return { error: imageTooLarge(this.#limits.maxImageBytes) };
    if (bytes.length === 0) return { error: missing(`The file ${JSON.stringify(name)} is empty.`) };
    return { bytes: bytes.join() };
  }

  /** The first fault is the one that is told. */
  #fail(fault: ServiceError): void {
    this.#fault ??= fault;
  }
}
