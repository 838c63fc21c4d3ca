import { Readable } from 'node:stream';
import type { GetObjectCommandOutput, S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { ServiceError } from '../../errors.js';
import { isContinuation, strongTag } from './content-range.js';
import { bucketFailure, type S3Request, s3Failure, statusOf } from './s3-failure.js';
import { type Continuation, entryOf, type ModelSource, type OpenedObject, pathIn } from './source.js';
import { SourceFailure } from './source-failure.js';

export interface S3SourceOptions {
  /** Of a server other than Amazon's. Default: what the SDK finds in AWS_ENDPOINT_URL_S3 and its profile. */
  readonly endpoint?: string | undefined;
  /** Default: what the SDK finds (AWS_REGION, profile), else us-east-1; a bucket elsewhere is followed. */
  readonly region?: string | undefined;
  /** `http://host/bucket/key` instead of `http://bucket.host/key`. Default: true where an endpoint is given. */
  readonly forcePathStyle?: boolean | undefined;
}

const FALLBACK_REGION = 'us-east-1';

interface Address {
  readonly bucket: string;
  /** Empty, or ends with a slash. */
  readonly folder: string;
  readonly entry: string | undefined;
}

/** Keys are taken as they stand, like the AWS command line does: neither decoded nor cut at `?` or `#`. */
function parseAddress(uri: string): Address {
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]*)\/?(.*)$/is.exec(uri) ?? [];
  if (bucket === '' || bucket.includes('@')) {
    throw new ServiceError(
      'CONFIG_INVALID',
      'the model URI names no bucket: write s3://bucket/key-or-prefix',
    );
  }
  const lastSlash = key.lastIndexOf('/');
  const entry = entryOf(key.slice(lastSlash + 1));
  if (entry !== undefined) return { bucket, folder: key.slice(0, lastSlash + 1), entry };
  return { bucket, folder: key === '' || key.endsWith('/') ? key : `${key}/`, entry };
}

function parseEndpoint(endpoint: string): URL {
  if (URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol)) return new URL(endpoint);
  throw new ServiceError(
    'CONFIG_INVALID',
    'the S3 endpoint is not an http(s) URL, such as http://minio:9000',
  );
}

/** One attempt each: what is worth repeating, and when, is decided in one place for all sources. */
function clientConfig({ endpoint, region, forcePathStyle }: S3SourceOptions): S3ClientConfig {
  return {
    maxAttempts: 1,
    followRegionRedirects: true,
    // The checksums that the SDK adds by default are more than some servers understand; signatures cover what is sent.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint: parseEndpoint(endpoint).href, forcePathStyle: true }),
    ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
  };
}

/** Loads the SDK, which takes longer than everything else at start, only where it is needed. */
export async function connectToS3(options: S3SourceOptions) {
  const config = clientConfig(options);
  const { GetObjectCommand, HeadBucketCommand, S3Client } = await import('@aws-sdk/client-s3');
  const client = new S3Client(config);
  const region = await client.config.region().catch(() => undefined);
  if (region !== undefined) return { client, GetObjectCommand, HeadBucketCommand };
  client.destroy();
  const fallback = new S3Client({ ...config, region: FALLBACK_REGION });
  return { client: fallback, GetObjectCommand, HeadBucketCommand };
}

type Connection = Awaited<ReturnType<typeof connectToS3>>;

/** Answers to a request for the rest of an object that mean: ask for all of it. */
const RESTARTS: ReadonlySet<unknown> = new Set([412, 416, 501]);

async function endpointOf(client: S3Client): Promise<string> {
  const endpoint = await client.config.endpoint?.();
  if (endpoint === undefined) return 'Amazon S3';
  return `${endpoint.hostname}${endpoint.port === undefined ? '' : `:${endpoint.port}`}`;
}

/** An object as it came, or undefined where it is a part other than the one that was asked for. */
function opened(response: GetObjectCommandOutput, from: Continuation | undefined): OpenedObject | undefined {
  const { Body: stream, ContentLength: length, ContentRange: range, ETag } = response;
  if (!(stream instanceof Readable)) return undefined;
  if (range === undefined) {
    const isWhole = length !== undefined && response.AcceptRanges !== 'none';
    return { stream, size: length, version: isWhole ? strongTag(ETag) : undefined };
  }
  if (from !== undefined && isContinuation(range, from) && (ETag ?? from.version) === from.version) {
    return { stream, ...from };
  }
  stream.destroy();
  return undefined;
}

/** Reads the objects of one bucket. */
class BucketReader {
  readonly #connection: Connection;
  readonly #bucket: string;
  readonly #endpoint: string;
  /** Asked once: whether nothing is there because the bucket is not. */
  #isGone: Promise<boolean> | undefined;

  constructor(connection: Connection, bucket: string, endpoint: string) {
    this.#connection = connection;
    this.#bucket = bucket;
    this.#endpoint = endpoint;
  }

  async open(key: string, signal: AbortSignal, from?: Continuation): Promise<OpenedObject> {
    const { client, GetObjectCommand } = this.#connection;
    const range = from && { Range: `bytes=${from.offset}-`, IfMatch: from.version };
    const command = new GetObjectCommand({ Bucket: this.#bucket, Key: key, ...range });
    const object = await client.send(command, { abortSignal: signal }).then(
      (response) => opened(response, from),
      async (thrown: unknown) => {
        signal.throwIfAborted();
        if (from === undefined || !RESTARTS.has(statusOf(thrown)))
          throw await this.#failure(thrown, key, signal);
        return undefined;
      },
    );
    if (object !== undefined) return object;
    if (from !== undefined) return this.open(key, signal);
    throw new SourceFailure(
      'transient',
      `cannot read s3://${this.#bucket}/${key}: ${this.#endpoint} answered without the whole object`,
    );
  }

  /** What is said of a key says nothing of its bucket: some servers call a key missing in a bucket that is not there. */
  async #failure(thrown: unknown, key: string, signal: AbortSignal): Promise<SourceFailure> {
    const request: S3Request = { bucket: this.#bucket, key, endpoint: this.#endpoint };
    const failure = s3Failure(thrown, request);
    if (failure.kind !== 'missing' || failure.isBucket) return failure;
    this.#isGone ??= this.#isBucketMissing(signal);
    return (await this.#isGone) ? bucketFailure(request, thrown) : failure;
  }

  async #isBucketMissing(signal: AbortSignal): Promise<boolean> {
    const { client, HeadBucketCommand } = this.#connection;
    try {
      await client.send(new HeadBucketCommand({ Bucket: this.#bucket }), { abortSignal: signal });
      return false;
    } catch (thrown) {
      signal.throwIfAborted();
      return statusOf(thrown) === 404;
    }
  }
}

/** A model in an S3 bucket. Credentials come from the SDK's chain: environment, profile, web identity, pod, machine. */
export async function createS3Source(uri: string, options: S3SourceOptions = {}): Promise<ModelSource> {
  const { bucket, folder, entry } = parseAddress(uri);
  const connection = await connectToS3(options);
  const endpoint = await endpointOf(connection.client);
  const reader = new BucketReader(connection, bucket, endpoint);
  const description = `s3://${bucket}/${folder}${entry ?? ''}`;
  return {
    description,
    identity: `${description} at ${endpoint}`,
    entry,
    localDirectory: undefined,
    locate: (name) => `s3://${bucket}/${folder}${name}`,
    open: async (name, signal, from) => reader.open(pathIn(folder, name), signal, from),
    close: () => connection.client.destroy(),
  };
}
