import { messageOf, ServiceError } from '../../errors.js';
import type { InputLimits } from './input-limits.js';

/** The sentences for what can be wrong with a body: what was wrong, what was measured, what is allowed. */

export function missing(detail: string): ServiceError {
  return new ServiceError('IMAGE_MISSING', detail);
}

export function noFile(fieldName: string, otherFields: readonly string[]): ServiceError {
  const found = otherFields.length === 0 ? 'nothing' : [...new Set(otherFields)].slice(0, 5).join(', ');
  return missing(`The form has no file in the field "${fieldName}"; it has ${found}.`);
}

export function imageTooLarge(maxBytes: number, measured?: number): ServiceError {
  const size = measured === undefined ? 'more' : `${measured} bytes`;
  return new ServiceError('IMAGE_TOO_LARGE', `An image may have ${maxBytes} bytes; this one has ${size}.`);
}

export function batchTooLarge(maxBytes: number): ServiceError {
  return new ServiceError(
    'BATCH_TOO_LARGE',
    `A batch request may have ${maxBytes} bytes of images; this one has more.`,
  );
}

export function tooMany(limits: InputLimits): ServiceError {
  return new ServiceError(
    'BATCH_TOO_LARGE',
    `A batch may have ${limits.maxBatchImages} images; this one has more.`,
  );
}

export function tooManyParts(fieldName: 'file' | 'files', limits: InputLimits): ServiceError {
  if (fieldName === 'files') return tooMany(limits);
  return new ServiceError('REQUEST_INVALID', 'Send one image to /predict; /predict/batch takes several.');
}

export function unsupportedType(type: string): ServiceError {
  return new ServiceError(
    'IMAGE_TYPE_UNSUPPORTED',
    `Content-Type ${type} is not accepted; send image/*, application/octet-stream, multipart/form-data or application/json.`,
  );
}

export function multipartFault(error: unknown): ServiceError {
  return new ServiceError('REQUEST_INVALID', `The multipart form cannot be read: ${messageOf(error)}.`, {
    cause: error,
  });
}

export function brokenOff(cause: unknown): ServiceError {
  return new ServiceError('CLIENT_CLOSED_REQUEST', 'The client has closed the connection.', { cause });
}
