import { ServiceError } from '../../errors.js';
import { createFileSource } from './file.js';
import { createHttpSource } from './http.js';
import { createHubSource, type HubSourceOptions } from './hub.js';
import { createMlflowSource, type MlflowSourceOptions } from './mlflow.js';
import { createS3Source, type S3SourceOptions } from './s3.js';
import type { ModelSource } from './source.js';

/** What the sources need to know beyond the URI; each reads its own part. */
export interface ModelSourceOptions {
  readonly s3?: S3SourceOptions | undefined;
  /** For http(s) sources; sent to the host of the URI alone. */
  readonly httpBearerToken?: string | undefined;
  readonly hub?: HubSourceOptions | undefined;
  readonly mlflow?: MlflowSourceOptions | undefined;
}

type CreateSource = (uri: string, options: ModelSourceOptions) => ModelSource | Promise<ModelSource>;

const createHttp: CreateSource = (uri, { httpBearerToken }) =>
  createHttpSource(uri, { bearerToken: httpBearerToken });

/** A new kind of source is one line here and one file beside this one. */
const SOURCES: Readonly<Record<string, CreateSource>> = {
  file: (uri) => createFileSource(uri),
  s3: (uri, { s3 }) => createS3Source(uri, s3),
  http: createHttp,
  https: createHttp,
  hf: (uri, { hub }) => createHubSource(uri, hub),
  models: (uri, { mlflow, s3 }) => createMlflowSource(uri, mlflow, s3),
};

/**
 * Opens the place that a model URI names; a URI without a scheme is a path.
 * Throws CONFIG_INVALID when the URI cannot be understood, MODEL_NOT_FOUND when a path does not exist.
 */
export async function openSource(uri: string, options: ModelSourceOptions = {}): Promise<ModelSource> {
  const allowed = `a path, ${Object.keys(SOURCES).join('://, ')}://`;
  if (uri.trim() === '') {
    throw new ServiceError('CONFIG_INVALID', `the model URI is empty; it can be ${allowed}`);
  }
  const scheme = /^([a-z][a-z0-9+.-]+):\//i.exec(uri)?.[1]?.toLowerCase() ?? 'file';
  const create = SOURCES[scheme];
  if (create !== undefined && Object.hasOwn(SOURCES, scheme)) return create(uri, options);
  throw new ServiceError('CONFIG_INVALID', `models do not come from ${scheme}://; the URI can be ${allowed}`);
}
