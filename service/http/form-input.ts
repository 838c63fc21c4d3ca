import { addAbortSignal } from 'node:stream';
import type { Multipart } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { ServiceError } from '../errors.js';
import { countBody, declaredBytes } from './body.js';
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
  maxFiles: number,
  limits: InputLimits,
  signal: AbortSignal,
): Promise<ImageInput[]> {
  const isBatch = fieldName === 'files';
  const maxBytes = (isBatch ? limits.maxBatchBytes : limits.maxImageBytes) + FORM_ENVELOPE_BYTES;
  const tooLarge = (): ServiceError =>
    isBatch ? batchTooLarge(limits.maxBatchBytes) : imageTooLarge(limits.maxImageBytes);
  if (declaredBytes(request) > maxBytes) throw tooLarge();
  const count = countBody(request, maxBytes, tooLarge);
  // Not AbortSignal.any: Node keeps such a signal, and all that its listeners hold, for as long as it has listeners.
  const over = new AbortController();
  const onAbort = (): void => over.abort(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  const refusal = new Promise<never>((_, reject) => {
    if (over.signal.aborted) reject(over.signal.reason);
    over.signal.addEventListener('abort', () => reject(over.signal.reason), { once: true });
  });
  request.raw.on('data', (chunk: Buffer) => {
    if (over.signal.aborted) return;
    try {
      count(chunk);
    } catch (error) {
      over.abort(error);
    }
  });
  try {
    return await Promise.race([refusal, collectParts(request, fieldName, maxFiles, limits, over.signal)]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** @param over aborts once nobody wants the parts any more: what was collected of them is let go of at once */
async function collectParts(
  request: FastifyRequest,
  fieldName: 'file' | 'files',
  maxFiles: number,
  limits: InputLimits,
  over: AbortSignal,
): Promise<ImageInput[]> {
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
      const image = await readPart(part, limits, over);
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
  over: AbortSignal,
): Promise<ImageInput> {
  const collected = new CollectedBytes();
  addAbortSignal(over, part.file);
  for await (const chunk of part.file) collected.add(chunk as Buffer);
  if (part.file.truncated) return { error: imageTooLarge(limits.maxImageBytes) };
  const bytes = collected.join();
  return bytes.length === 0
    ? { error: missing(`The file ${JSON.stringify(part.filename ?? part.fieldname)} is empty.`) }
    : { bytes };
}
