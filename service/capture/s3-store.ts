import { addAbortSignal, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { connectToS3, type S3SourceOptions } from '../model/sources/s3.js';
import { statusOf } from '../model/sources/s3-failure.js';
import { unlessAborted } from '../unless-aborted.js';
import { MAX_READ_BYTES, type Store, type StoredObject } from './store.js';

/** Requests under way at once: enough for a hundred images a second and more. */
const LANES = 8;
/** A missing key is forbidden to whoever may not list the bucket. */
const ABSENT: ReadonlySet<unknown> = new Set([403, 404]);

/** Objects of a bucket. How long they are kept is for a lifecycle rule of the bucket. */
export class S3Store implements Store {
  readonly place: string;
  readonly lanes = LANES;
  readonly #bucket: string;
  /** Empty, or ends with a slash. */
  readonly #prefix: string;
  readonly #connection: ReturnType<typeof connect>;

  /** @param uri s3://bucket/prefix */
  constructor(uri: string, options: S3SourceOptions) {
    const [, bucket = '', prefix = ''] = /^s3:\/\/([^/]+)\/?(.*)$/is.exec(uri) ?? [];
    this.place = uri;
    this.#bucket = bucket;
    this.#prefix = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
    // Now, and not under the first image: loading the SDK keeps this thread busy.
    this.#connection = connect(options);
    this.#connection.catch(() => undefined);
  }

  async write(objects: readonly StoredObject[], signal: AbortSignal): Promise<void> {
    for (const object of objects) await this.#put(object, signal);
  }

  async read(path: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const { client, GetObjectCommand } = await unlessAborted(this.#connection, signal);
    const command = new GetObjectCommand(this.#at(path));
    try {
      return await unlessAborted(
        client.send(command, { abortSignal: signal }).then((object) => smallBody(object, signal)),
        signal,
      );
    } catch (error) {
      if (ABSENT.has(statusOf(error))) return undefined;
      throw error;
    }
  }

  close(): void {
    this.#connection.then(
      ({ client }) => client.destroy(),
      () => undefined,
    );
  }

  async #put({ path, bytes, type }: StoredObject, signal: AbortSignal): Promise<void> {
    const { client, PutObjectCommand } = await unlessAborted(this.#connection, signal);
    const command = new PutObjectCommand({
      ...this.#at(path),
      Body: bytes,
      ContentLength: bytes.length,
      ContentType: type,
    });
    await unlessAborted(client.send(command, { abortSignal: signal }), signal);
  }

  #at(path: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + path };
  }
}

async function connect(options: S3SourceOptions) {
  const { client, GetObjectCommand } = await connectToS3(options);
  const { PutObjectCommand } = await import('@aws-sdk/client-s3');
  return { client, GetObjectCommand, PutObjectCommand };
}

async function smallBody(
  { Body: stream, ContentLength: size = 0 }: GetObjectCommandOutput,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (!(stream instanceof Readable)) return undefined;
  // The SDK heeds the signal until the head of the answer is there.
  addAbortSignal(signal, stream);
  if (size <= MAX_READ_BYTES) return buffer(stream);
  stream.destroy();
  return undefined;
}
