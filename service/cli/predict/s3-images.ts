import { buffer } from 'node:stream/consumers';
import type { ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { messageOf, ServiceError } from '../../errors.js';
import { imageTooLarge } from '../../http/input/input-errors.js';
import { connectToS3, createS3Source } from '../../model/sources/s3.js';
import { s3Failure } from '../../model/sources/s3-failure.js';
import type { ModelSource, OpenedObject } from '../../model/sources/source.js';
import { SourceFailure } from '../../model/sources/source-failure.js';
import type { ImageFormat } from '../../preprocess/image.js';
import { CannotGoOn } from '../outcome.js';
import { type ImagePlace, looksLikeImage } from './images.js';
import { parseS3, type S3Options, type S3Place, tried } from './s3-requests.js';

export interface S3ImageOptions extends S3Options {
  readonly formats: readonly ImageFormat[];
}

/** An object, or all below a prefix, which is taken for a folder: `photos` is not `photos-of-others`. */
export function s3Images(uri: string, options: S3ImageOptions): ImagePlace {
  const { bucket, key } = parseS3(uri);
  const isObject = looksLikeImage(key, options.formats);
  const prefix = isObject || key === '' || key.endsWith('/') ? key : `${key}/`;
  const folder = isObject ? key.slice(0, key.lastIndexOf('/') + 1) : prefix;
  const base = `s3://${bucket}/${folder}`;
  let opened: Promise<ModelSource> | undefined;
  const source = (): Promise<ModelSource> => {
    opened ??= createS3Source(base, options);
    return opened;
  };
  return {
    path: undefined,
    list: async function* () {
      if (isObject) yield uri;
      else yield* listObjects({ bucket, key: prefix }, options);
    },
    relative: (name) => name.slice(base.length),
    read: async (name, maxBytes) => read(await source(), name.slice(base.length), maxBytes, options.attempts),
    close: () => void opened?.then((each) => each.close()).catch(() => undefined),
  };
}

async function* listObjects(place: S3Place, options: S3ImageOptions): AsyncGenerator<string> {
  const { client } = await connectToS3(options);
  const { ListObjectsV2Command } = await import('@aws-sdk/client-s3');
  let token: string | undefined;
  try {
    do {
      const command = new ListObjectsV2Command({
        Bucket: place.bucket,
        Prefix: place.key,
        ...(token !== undefined && { ContinuationToken: token }),
      });
      const page: ListObjectsV2CommandOutput = await tried(options.attempts, () =>
        client.send(command).catch((thrown: unknown) => {
          throw s3Failure(thrown, { ...place, endpoint: options.endpoint ?? 'S3' });
        }),
      ).catch((error: unknown) => {
        throw new CannotGoOn(`the images cannot be listed: ${messageOf(error)}`);
      });
      for (const { Key } of page.Contents ?? []) {
        if (Key !== undefined && looksLikeImage(Key, options.formats)) yield `s3://${place.bucket}/${Key}`;
      }
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  } finally {
    client.destroy();
  }
}

async function read(
  source: ModelSource,
  key: string,
  maxBytes: number,
  attempts: number,
): Promise<Uint8Array> {
  const { signal } = new AbortController();
  try {
    return await tried(attempts, async () => whole(await source.open(key, signal), maxBytes));
  } catch (error) {
    if (!(error instanceof SourceFailure)) throw error;
    // What does not pass is the object's own fault; what would have passed is everybody's.
    if (error.kind === 'transient') throw new CannotGoOn(error.message);
    throw new ServiceError('IMAGE_MISSING', `The object cannot be read: ${error.message}`, { cause: error });
  }
}

async function whole({ stream, size }: OpenedObject, maxBytes: number): Promise<Uint8Array> {
  if (size !== undefined && size > maxBytes) {
    stream.destroy();
    throw imageTooLarge(maxBytes, size);
  }
  try {
    // A stream of Node's own, whose pieces are the bytes that the head announced.
    return new Uint8Array(await buffer(stream));
  } catch (cause) {
    throw new SourceFailure('transient', 'the connection broke off', { cause });
  }
}
