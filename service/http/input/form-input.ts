import { addAbortSignal } from 'node:stream';
import type { Multipart } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { ServiceError } from '../../errors.js';
import { type BodyLimit, countBody } from './body.js';
import { CollectedBytes } from './collected-bytes.js';
import type { ImageInput, InputLimits } from './image-input.js';
import {
  batchTooLarge,
  imageTooLarge,
  missing,
  multipartFault,
  noFile,
  tooManyParts,
} from './input-errors.js';

/** What a form may hold beside its files: boundaries, the heads of its parts, small fields. */
const FORM_ENVELOPE_BYTES = 1024 * 1024;

/** Reads a form; its size, the deadline and the client's leaving end that wherever it stands. */
export async function readForm(
  request: FastifyRequest,
  fieldName: 'file' | 'files',
  limits: InputLimits,
): Promise<ImageInput[]> {
  const { raw, scope } = request;
  const { signal } = scope;
  const count = countBody(request, limitOf(fieldName, limits));
  // The request's own signal, and none made of it by AbortSignal.any: Node keeps such a one, and all that its listeners
  // hold, for as long as it has listeners.
  const givenUp = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  raw.on('data', (piece: Buffer) => {
    if (signal.aborted) return;
    try {
      count(piece);
    } catch (error) {
      scope.giveUp(error);
    }
  });
  raw.once('end', () => scope.bodyArrived());
  return Promise.race([givenUp, collectParts(request, fieldName, limits)]);
}

function limitOf(fieldName: 'file' | 'files', { maxBatchBytes, maxImageBytes }: InputLimits): BodyLimit {
  return fieldName === 'files'
    ? { maxBytes: maxBatchBytes + FORM_ENVELOPE_BYTES, tooLarge: () => batchTooLarge(maxBatchBytes) }
    : { maxBytes: maxImageBytes + FORM_ENVELOPE_BYTES, tooLarge: () => imageTooLarge(maxImageBytes) };
}

/** Once the request is given up, what was collected of its parts is let go of at once. */
async function collectParts(
  request: FastifyRequest,
  fieldName: 'file' | 'files',
  limits: InputLimits,
): Promise<ImageInput[]> {
  const maxFiles = fieldName === 'files' ? limits.maxBatchImages : 1;
  const images: ImageInput[] = [];
  const otherFields: string[] = [];
  let total = 0;
  try {
    const parts = request.parts({
      // By its name, since some clients send the bytes without a name of their own.
      isPartAFile: (field, _type, fileName) => field === fieldName || fileName !== undefined,
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
      const image = await readPart(part, limits, request.scope.signal);
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
  signal: AbortSignal,
): Promise<ImageInput> {
  const collected = new CollectedBytes();
  addAbortSignal(signal, part.file);
  for await (const chunk of part.file) collected.add(chunk as Buffer);
  if (part.file.truncated) return { error: imageTooLarge(limits.maxImageBytes) };
  const bytes = collected.join();
  return bytes.length === 0
    ? { error: missing(`The file ${JSON.stringify(part.filename ?? part.fieldname)} is empty.`) }
    : { bytes };
}
