import { posix } from 'node:path';
import { ServiceError } from '../errors.js';
import { isOfKind } from './digest.js';
import type { IdentifiedModel } from './identify-model.js';

/** An ONNX file on this machine, with the digest that its bytes, and those of its external data, were just found to have. */
export interface ModelFile {
  readonly path: string;
  readonly digest: string;
  readonly bytes: number;
  readonly cached: boolean;
}

/** The ONNX file and its external data, named as at the source. */
export function filesOf({ modelName, externalData }: IdentifiedModel): string[] {
  return [modelName, ...externalData.map((name) => posix.join(posix.dirname(modelName), name))];
}

/** The name of an object of the source as the digest knows it: relative to the folder of the ONNX file. */
export function nameInModel({ modelName }: IdentifiedModel, objectName: string): string {
  return posix.relative(posix.dirname(modelName), objectName);
}

/** Throws MODEL_DIGEST_MISMATCH when a model is not the expected one, and says what it is. */
export function checkDigest(location: string, digest: string, expected: string | undefined): void {
  if (expected === undefined || digest === expected) return;
  const hasExternalData = isOfKind(digest, true);
  if (hasExternalData && isOfKind(expected, false)) {
    throw new ServiceError(
      'MODEL_DIGEST_MISMATCH',
      `${location} has external data, which ${expected} does not vouch for: write the digest of all its files, which is ${digest} if these are the right ones (docs/model-json.md)`,
    );
  }
  throw new ServiceError(
    'MODEL_DIGEST_MISMATCH',
    `${location} has digest ${digest}, but ${expected} is expected; it was changed or damaged, or the manifest is of another version`,
  );
}
