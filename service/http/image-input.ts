import type { FastifyRequest } from 'fastify';
import { ServiceError } from '../errors.js';
import { readBounded, readJson } from './body.js';
import { readForm } from './form-input.js';
import { batchTooLarge, imageTooLarge, missing, tooMany, unsupportedType } from './input-errors.js';

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
  const tooLarge = (): ServiceError => imageTooLarge(limits.maxImageBytes);
  if (type === 'multipart/form-data') return onlyImage(await readForm(request, 'file', 1, limits, signal));
  if (type === 'application/json') {
    const maxBytes = limits.maxImageBytes * BASE64_GROWTH + JSON_ENVELOPE_BYTES;
    const document = await readJson(request, maxBytes, tooLarge, signal);
    return fromBase64(field(document, 'image'), limits.maxImageBytes);
  }
  if (type !== '' && !RAW_TYPES.test(type)) throw unsupportedType(type);
  const bytes = await readBounded(request, limits.maxImageBytes, tooLarge, signal);
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
    return readForm(request, 'files', limits.maxBatchImages, limits, signal);
  if (type !== 'application/json') {
    throw new ServiceError(
      'IMAGE_TYPE_UNSUPPORTED',
      `A batch comes as multipart/form-data or application/json, not as ${type || 'a body without a Content-Type'}.`,
    );
  }
  const tooLarge = (): ServiceError => batchTooLarge(limits.maxBatchBytes);
  const document = await readJson(request, limits.maxBatchBytes * BASE64_GROWTH, tooLarge, signal);
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
  if (/^https?:/i.test(value)) {
    throw new ServiceError(
      'REQUEST_INVALID',
      'Images are not fetched from a URL. Send the bytes, as base64.',
    );
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
