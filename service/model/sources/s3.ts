import { Readable } from 'node:stream';
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { ServiceError } from '../../errors.js';
import { s3Failure } from './s3-failure.js';
import { entryOf, type ModelSource, type OpenedObject } from './source.js';
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
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint: parseEndpoint(endpoint).href, forcePathStyle: true }),
    ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
  };
}

/** Loads the SDK, which takes longer than everything else at start, only where it is needed. */
async function connect(options: S3SourceOptions) {
  const config = clientConfig(options);
  const { GetObjectCommand, S3Client } = await import('@aws-sdk/client-s3');
  const client = new S3Client(config);
  const region = await client.config.region().catch(() => undefined);
  if (region !== undefined) return { client, GetObjectCommand };
  client.destroy();
  return { client: new S3Client({ ...config, region: FALLBACK_REGION }), GetObjectCommand };
}

async function endpointOf(client: S3Client): Promise<string> {
  const endpoint = await client.config.endpoint?.();
  if (endpoint === undefined) return 'Amazon S3';
  return `${endpoint.hostname}${endpoint.port === undefined ? '' : `:${endpoint.port}`}`;
}

/** A model in an S3 bucket. Credentials come from the SDK's chain: environment, profile, web identity, pod, machine. */
export async function createS3Source(uri: string, options: S3SourceOptions = {}): Promise<ModelSource> {
  const { bucket, folder, entry } = parseAddress(uri);
  const { client, GetObjectCommand } = await connect(options);
  const endpoint = await endpointOf(client);

  async function open(name: string, signal: AbortSignal): Promise<OpenedObject> {
    const key = folder + name;
    try {
      const response = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }), {
        abortSignal: signal,
      });
      if (response.Body instanceof Readable) return { stream: response.Body, size: response.ContentLength };
    } catch (thrown) {
      signal.throwIfAborted();
      throw s3Failure(thrown, { bucket, key, endpoint });
    }
    throw new SourceFailure(
      'transient',
      `cannot read s3://${bucket}/${key}: ${endpoint} answered without a body`,
    );
  }

  return {
    description: `s3://${bucket}/${folder}${entry ?? ''}`,
    entry,
    localDirectory: undefined,
    locate: (name) => `s3://${bucket}/${folder}${name}`,
    open,
    close: () => client.destroy(),
  };
}
