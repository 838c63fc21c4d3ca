import type { Multipart } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { messageOf, ServiceError } from '../errors.js';
import { CollectedBytes } from './collected-bytes.js';

export interface InputLimits {
  readonly maxImageBytes: number;
  readonly maxBatchImages: number;
  readonly maxBatchBytes: number;
}

/** One image of a request: its bytes, or why there are none. */
export type ImageInput = { readonly bytes: Buffer } | { readonly error: ServiceError };

/** JSON carries four characters for three bytes, and some for the rest of the document. */
const BASE64_GROWTH = 4 / 3;
const JSON_ENVELOPE_BYTES = 16 * 1024;
/** What a form may hold beside its files: boundaries, the heads of its parts, small fields. */
const FORM_ENVELOPE_BYTES = 1024 * 1024;
/** Plain, URL-safe or broken into lines. No two parts of it match the same text, so that it takes linear time. */
const BASE64 = /^[A-Za-z0-9+/_\s-]+(?:=\s*){0,2}$/;
const RAW_TYPES = /^(image\/[\w.+*-]+|application\/octet-stream|application\/x-www-form-urlencoded)$/;

/**
 * Takes the one image out of a request: raw body, multipart field `file`, or JSON `image`.
 * Throws IMAGE_MISSING, IMAGE_TOO_LARGE, IMAGE_TYPE_UNSUPPORTED, REQUEST_INVALID, and the signal's reason.
 */
export async function readImage(
  request: FastifyRequest,
  limits: InputLimits,
  signal: AbortSignal,
): Promise<Buffer> {
  refuseCompressed(request);
  const type = contentType(request);
  if (type === 'multipart/form-data') return onlyImage(await readParts(request, 'file', 1, limits, signal));
  if (type === 'application/json') {
    const maxBytes = limits.maxImageBytes * BASE64_GROWTH + JSON_ENVELOPE_BYTES;
    const document = await readJson(request, maxBytes, 'IMAGE_TOO_LARGE', signal);
    return fromBase64(field(document, 'image'), limits.maxImageBytes);
  }
  if (type !== '' && !RAW_TYPES.test(type)) throw unsupportedType(type);
  const bytes = await readBounded(request, limits.maxImageBytes, 'IMAGE_TOO_LARGE', signal);
  if (bytes.length === 0) throw missing('The body is empty. Send the bytes of an image.');
  return bytes;
}

/**
 * Takes all images out of a batch request: multipart field `files`, repeated, or JSON `images`.
 * What is wrong with one image is its own entry; what is wrong with the request is thrown.
 */
export async function readImages(
  request: FastifyRequest,
  limits: InputLimits,
  signal: AbortSignal,
): Promise<ImageInput[]> {
  refuseCompressed(request);
  const type = contentType(request);
  if (type === 'multipart/form-data')
    return readParts(request, 'files', limits.maxBatchImages, limits, signal);
  if (type !== 'application/json') {
    throw new ServiceError(
      'IMAGE_TYPE_UNSUPPORTED',
      `A batch comes as multipart/form-data or application/json, not as ${type || 'a body without a Content-Type'}.`,
    );
  }
  const document = await readJson(request, limits.maxBatchBytes * BASE64_GROWTH, 'BATCH_TOO_LARGE', signal);
  const images = field(document, 'images');
  if (!Array.isArray(images))
    throw new ServiceError('REQUEST_INVALID', '"images" must be a list of base64 texts.');
  if (images.length === 0) throw missing('"images" is empty.');
  if (images.length > limits.maxBatchImages) throw tooMany(images.length, limits);
  return images.map((image: unknown) => attempt(() => fromBase64(image, limits.maxImageBytes)));
}

function attempt(read: () => Buffer): ImageInput {
  try {
    return { bytes: read() };
  } catch (error) {
    if (error instanceof ServiceError) return { error };
    throw error;
  }
}

function onlyImage(images: readonly ImageInput[]): Buffer {
  const [image] = images;
  if (image === undefined) throw missing('The form has no file in the field "file".');
  if ('error' in image) throw image.error;
  return image.bytes;
}

/** Reads a form; its size, the deadline and the client's leaving end that wherever it stands. */
async function readParts(
  request: FastifyRequest,
  fieldName: 'file' | 'files',
  maxFiles: number,
  limits: InputLimits,
  signal: AbortSignal,
): Promise<ImageInput[]> {
  const isBatch = fieldName === 'files';
  const maxBytes = (isBatch ? limits.maxBatchBytes : limits.maxImageBytes) + FORM_ENVELOPE_BYTES;
  const tooLarge = (): ServiceError =>
    isBatch ? batchTooLarge(limits.maxBatchBytes) : imageTooLarge(limits.maxImageBytes);
  if (declaredBytes(request) > maxBytes) throw tooLarge();
  let length = 0;
  const refusal = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    request.raw.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) reject(tooLarge());
    });
  });
  return Promise.race([refusal, collectParts(request, fieldName, maxFiles, limits)]);
}

async function collectParts(
  request: FastifyRequest,
  fieldName: 'file' | 'files',
  maxFiles: number,
  limits: InputLimits,
): Promise<ImageInput[]> {
  const images: ImageInput[] = [];
  const otherFields: string[] = [];
  let total = 0;
  try {
    const parts = request.parts({
      limits: {
        fileSize: limits.maxImageBytes,
        files: maxFiles + 1,
        fields: 20,
        fieldSize: 4096,
        parts: maxFiles + 21,
      },
    });
    for await (const part of parts) {
      if (part.type !== 'file' || part.fieldname !== fieldName) {
        otherFields.push(part.fieldname);
        if (part.type === 'file') part.file.resume();
        continue;
      }
      if (images.length === maxFiles) throw tooManyParts(fieldName, limits);
      const image = await readPart(part, limits);
      total += 'bytes' in image ? image.bytes.length : limits.maxImageBytes;
      if (total > limits.maxBatchBytes) throw batchTooLarge(limits.maxBatchBytes);
      images.push(image);
    }
  } catch (error) {
    throw error instanceof ServiceError ? error : multipartFault(error);
  }
  if (images.length === 0) throw noFile(fieldName, otherFields);
  return images;
}

async function readPart(
  part: Extract<Multipart, { type: 'file' }>,
  limits: InputLimits,
): Promise<ImageInput> {
  const collected = new CollectedBytes();
  for await (const chunk of part.file) collected.add(chunk as Buffer);
  if (part.file.truncated) return { error: imageTooLarge(limits.maxImageBytes) };
  const bytes = collected.join();
  return bytes.length === 0
    ? { error: missing(`The file ${JSON.stringify(part.filename)} is empty.`) }
    : { bytes };
}

/** Reads a body that may lie about its length. Throws `code` past the limit, and the signal's reason once that aborts. */
function readBounded(
  request: FastifyRequest,
  maxBytes: number,
  code: 'IMAGE_TOO_LARGE' | 'BATCH_TOO_LARGE',
  signal: AbortSignal,
): Promise<Buffer> {
  const { raw } = request;
  const tooLarge = (): ServiceError =>
    code === 'IMAGE_TOO_LARGE' ? imageTooLarge(maxBytes) : batchTooLarge(maxBytes);
  if (declaredBytes(request) > maxBytes) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const collected = new CollectedBytes();
    const settle = (act: () => void): void => {
      raw.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      signal.removeEventListener('abort', onAbort);
      act();
    };
    const onData = (chunk: Buffer): void => {
      collected.add(chunk);
      if (collected.length > maxBytes) settle(() => reject(tooLarge()));
    };
    const onEnd = (): void => settle(() => resolve(collected.join()));
    const onError = (error: unknown): void => settle(() => reject(brokenOff(error)));
    const onClose = (): void => settle(() => reject(brokenOff(undefined)));
    const onAbort = (): void => settle(() => reject(signal.reason));
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    raw.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
  });
}

function declaredBytes(request: FastifyRequest): number {
  return Number(request.headers['content-length'] ?? 0);
}

async function readJson(
  request: FastifyRequest,
  maxBytes: number,
  code: 'IMAGE_TOO_LARGE' | 'BATCH_TOO_LARGE',
  signal: AbortSignal,
): Promise<unknown> {
  const bytes = await readBounded(request, Math.floor(maxBytes), code, signal);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new ServiceError('REQUEST_INVALID', `The body is not JSON: ${messageOf(error).slice(0, 100)}.`);
  }
}

function field(document: unknown, name: string): unknown {
  if (typeof document !== 'object' || document === null || !Object.hasOwn(document, name)) {
    throw missing(`The JSON document has no "${name}".`);
  }
  return (document as Record<string, unknown>)[name];
}

/** Accepts plain, URL-safe and line-broken base64, and data URLs. */
function fromBase64(value: unknown, maxBytes: number): Buffer {
  if (typeof value !== 'string')
    throw new ServiceError('REQUEST_INVALID', 'An image in JSON must be a base64 text.');
  const payload = value.startsWith('data:') ? value.slice(value.indexOf(',') + 1) : value;
  if (payload.length === 0) throw missing('The base64 text is empty.');
  if (value.startsWith('data:') && !/^data:[^,]*;base64,/.test(value.slice(0, 200))) {
    throw new ServiceError('REQUEST_INVALID', 'A data URL must carry base64: data:image/png;base64,...');
  }
  if (!BASE64.test(payload)) throw new ServiceError('REQUEST_INVALID', 'The text is not base64.');
  const bytes = Buffer.from(payload, 'base64');
  if (bytes.length === 0) throw missing('The base64 text is empty.');
  if (bytes.length > maxBytes) throw imageTooLarge(maxBytes, bytes.length);
  return bytes;
}

function contentType(request: FastifyRequest): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function refuseCompressed(request: FastifyRequest): void {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new ServiceError(
      'REQUEST_INVALID',
      `Content-Encoding ${encoding} is not supported; images are compressed already.`,
    );
  }
}

function missing(detail: string): ServiceError {
  return new ServiceError('IMAGE_MISSING', detail);
}

function noFile(fieldName: string, otherFields: readonly string[]): ServiceError {
  const found = otherFields.length === 0 ? 'nothing' : [...new Set(otherFields)].slice(0, 5).join(', ');
  return missing(`The form has no file in the field "${fieldName}"; it has ${found}.`);
}

function imageTooLarge(maxBytes: number, measured?: number): ServiceError {
  const size = measured === undefined ? 'more' : `${measured} bytes`;
  return new ServiceError('IMAGE_TOO_LARGE', `An image may have ${maxBytes} bytes; this one has ${size}.`);
}

function batchTooLarge(maxBytes: number): ServiceError {
  return new ServiceError(
    'BATCH_TOO_LARGE',
    `A batch request may have ${maxBytes} bytes of images; this one has more.`,
  );
}

function tooMany(count: number, limits: InputLimits): ServiceError {
  return new ServiceError(
    'BATCH_TOO_LARGE',
    `A batch may have ${limits.maxBatchImages} images; this one has ${count}.`,
  );
}

function tooManyParts(fieldName: 'file' | 'files', limits: InputLimits): ServiceError {
  if (fieldName === 'files') return tooMany(limits.maxBatchImages + 1, limits);
  return new ServiceError('REQUEST_INVALID', 'Send one image to /predict; /predict/batch takes several.');
}

function unsupportedType(type: string): ServiceError {
  return new ServiceError(
    'IMAGE_TYPE_UNSUPPORTED',
    `Content-Type ${type} is not accepted; send image/*, application/octet-stream, multipart/form-data or application/json.`,
  );
}

function multipartFault(error: unknown): ServiceError {
  return new ServiceError('REQUEST_INVALID', `The multipart form cannot be read: ${messageOf(error)}.`, {
    cause: error,
  });
}

function brokenOff(cause: unknown): ServiceError {
  return new ServiceError('CLIENT_CLOSED_REQUEST', 'The client has closed the connection.', { cause });
}
