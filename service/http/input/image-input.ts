import type { FastifyRequest } from 'fastify';
import { ServiceError } from '../../errors.js';
import { type BodyLimit, readBody, readWhole } from './body.js';
import { FORM_ENVELOPE_BYTES, type FormField, FormImages } from './form-input.js';
import { batchTooLarge, imageTooLarge, missing, unsupportedType } from './input-errors.js';
import type { ImageInput, InputLimits } from './input-limits.js';
import { JsonImages } from './json-input.js';

/** JSON carries four characters for three bytes, and some for the rest of the document. */
const BASE64_GROWTH = 4 / 3;
const JSON_ENVELOPE_BYTES = 16 * 1024;
const RAW_TYPES = /^(image\/[\w.+*-]+|application\/octet-stream|application\/x-www-form-urlencoded)$/;

/**
 * Takes the one image out of a request: raw body, multipart field `file`, or JSON `image`.
 * Throws IMAGE_MISSING, IMAGE_TOO_LARGE, IMAGE_TYPE_UNSUPPORTED, REQUEST_INVALID, and the reason of the request's signal.
 */
export async function readImage(request: FastifyRequest, limits: InputLimits): Promise<Buffer> {
  refuseCompressed(request);
  const type = contentType(request);
  const tooLarge = (): ServiceError => imageTooLarge(limits.maxImageBytes);
  if (type === 'multipart/form-data') {
    const maxBytes = limits.maxImageBytes + FORM_ENVELOPE_BYTES;
    return onlyImage(await readForm(request, 'file', limits, { maxBytes, tooLarge }));
  }
  if (type === 'application/json') {
    const maxBytes = limits.maxImageBytes * BASE64_GROWTH + JSON_ENVELOPE_BYTES;
    return onlyImage(await readJson(request, 'image', limits, { maxBytes, tooLarge }));
  }
  if (type !== '' && !RAW_TYPES.test(type)) throw unsupportedType(type);
  const bytes = await readWhole(request, { maxBytes: limits.maxImageBytes, tooLarge });
  if (bytes.length === 0) throw missing('The body is empty. Send the bytes of an image.');
  return bytes;
}

/**
 * Takes all images out of a batch request: multipart field `files`, repeated, or JSON `images`.
 * What is wrong with one image is its own entry; what is wrong with the request is thrown.
 */
export async function readImages(request: FastifyRequest, limits: InputLimits): Promise<ImageInput[]> {
  refuseCompressed(request);
  const type = contentType(request);
  const tooLarge = (): ServiceError => batchTooLarge(limits.maxBatchBytes);
  if (type === 'multipart/form-data') {
    const maxBytes = limits.maxBatchBytes + FORM_ENVELOPE_BYTES;
    return readForm(request, 'files', limits, { maxBytes, tooLarge });
  }
  if (type === 'application/json') {
    const maxBytes = limits.maxBatchBytes * BASE64_GROWTH;
    return readJson(request, 'images', limits, { maxBytes, tooLarge });
  }
  throw new ServiceError(
    'IMAGE_TYPE_UNSUPPORTED',
    `A batch comes as multipart/form-data or application/json, not as ${type || 'a body without a Content-Type'}.`,
  );
}

async function readJson(
  request: FastifyRequest,
  member: 'image' | 'images',
  limits: InputLimits,
  limit: BodyLimit,
): Promise<ImageInput[]> {
  const images = new JsonImages(member, limits);
  await readBody(request, limit, (piece) => images.write(piece));
  return images.end();
}

async function readForm(
  request: FastifyRequest,
  field: FormField,
  limits: InputLimits,
  limit: BodyLimit,
): Promise<ImageInput[]> {
  const images = new FormImages(request.headers, field, limits);
  await readBody(request, limit, (piece) => images.write(piece));
  return images.end();
}

function onlyImage(images: readonly ImageInput[]): Buffer {
  const [image] = images;
  if (image === undefined) throw missing('There is no image.');
  if ('error' in image) throw image.error;
  return image.bytes;
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
