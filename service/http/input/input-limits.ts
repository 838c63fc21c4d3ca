import type { ServiceError } from '../../errors.js';

export interface InputLimits {
  readonly maxImageBytes: number;
  readonly maxBatchImages: number;
  readonly maxBatchBytes: number;
}

/** One image of a request: its bytes, or why there are none. */
export type ImageInput = { readonly bytes: Buffer } | { readonly error: ServiceError };
