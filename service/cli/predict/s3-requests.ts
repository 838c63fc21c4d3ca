import { realTiming, withRetries } from '../../model/retry.js';
import type { S3SourceOptions } from '../../model/sources/s3.js';
import { UsageError } from '../outcome.js';

export interface S3Options extends S3SourceOptions {
  /** Of each request that fails for a passing reason. */
  readonly attempts: number;
}

export interface S3Place {
  readonly bucket: string;
  /** Of an object, of a folder with its slash, or empty. */
  readonly key: string;
}

/** Throws UsageError. */
export function parseS3(uri: string): S3Place {
  const [, bucket = '', key = ''] = /^s3:\/\/([^/@]+)\/?(.*)$/is.exec(uri) ?? [];
  if (bucket === '') throw new UsageError(`${JSON.stringify(uri)} names no bucket: write s3://bucket/prefix`);
  return { bucket, key };
}

/** Repeats what fails with a SourceFailure that passes. */
export function tried<T>(attempts: number, run: () => Promise<T>): Promise<T> {
  const { signal } = new AbortController();
  return withRetries(run, { attempts, timing: realTiming, signal, onRetry: () => undefined });
}
