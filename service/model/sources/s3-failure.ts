import { messageOf } from '../../errors.js';
import { networkFailure } from './network-failure.js';
import { type FailureKind, SourceFailure } from './source-failure.js';

/** What was asked of S3, in words that may be shown. */
export interface S3Request {
  readonly bucket: string;
  readonly key: string;
  /** Where it was asked: the host of the endpoint, or Amazon S3. */
  readonly endpoint: string;
}

interface Verdict {
  readonly kind: FailureKind;
  readonly what: (request: S3Request) => string;
}

const credentialsFault = (what: string): Verdict => ({
  kind: 'permanent',
  what: ({ endpoint }) => `${endpoint} ${what}`,
});
const slowDown: Verdict = {
  kind: 'transient',
  what: ({ endpoint }) => `${endpoint} is overloaded; try again later`,
};
const missingKey: Verdict = {
  kind: 'missing',
  what: ({ bucket, endpoint }) => `bucket ${bucket} at ${endpoint} has no such key; check the key`,
};
const missingBucket: Verdict = {
  kind: 'missing',
  what: ({ bucket, endpoint }) =>
    `there is no bucket ${bucket} at ${endpoint}; check the bucket and the endpoint`,
};
const wrongRegion: Verdict = {
  kind: 'permanent',
  what: ({ bucket, endpoint }) =>
    `bucket ${bucket} is not in the region or at the endpoint that was asked (${endpoint}); set AWS_REGION to the bucket's`,
};
const expired = credentialsFault('says that the session credentials have expired; renew them');
const unknownAccessKey = credentialsFault('does not know the access key; check AWS_ACCESS_KEY_ID');
const denied: Verdict = {
  kind: 'denied',
  what: ({ bucket, endpoint }) =>
    `${endpoint} denies access; allow s3:GetObject on the objects of ${bucket} (s3:ListBucket, to tell a missing key from a forbidden one; kms:Decrypt, where they have a key of KMS)`,
};

/** By the name of the error, as S3 gives it. */
const VERDICTS: Readonly<Record<string, Verdict>> = {
  NoSuchKey: missingKey,
  NotFound: missingKey,
  NoSuchBucket: missingBucket,
  InvalidBucketName: {
    kind: 'permanent',
    what: ({ bucket }) => `${bucket} is not a valid bucket name; check the URI`,
  },
  AccessDenied: denied,
  AllAccessDisabled: denied,
  InvalidAccessKeyId: unknownAccessKey,
  XAdminUserNotFound: unknownAccessKey, // versitygw with a single account says it so, with a 404
  SignatureDoesNotMatch: credentialsFault('refuses the signature; check AWS_SECRET_ACCESS_KEY'),
  ExpiredToken: expired,
  TokenRefreshRequired: expired,
  InvalidToken: credentialsFault('refuses the session token; check AWS_SESSION_TOKEN'),
  RequestTimeTooSkewed: credentialsFault("says that this machine's clock is wrong; correct it"),
  CredentialsProviderError: {
    kind: 'permanent',
    what: () =>
      'no usable credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the pod a role',
  },
  PermanentRedirect: wrongRegion,
  AuthorizationHeaderMalformed: wrongRegion,
  IllegalLocationConstraintException: wrongRegion,
  InvalidObjectState: {
    kind: 'permanent',
    what: () => 'the object is archived; restore it first',
  },
  SlowDown: slowDown,
  ThrottlingException: slowDown,
  TooManyRequestsException: slowDown,
};

/** That the bucket is not there, whatever was said of the key. */
export function bucketFailure(request: S3Request, cause: unknown): SourceFailure {
  return failureFor(missingBucket, request, cause);
}

/** The status of an answer that the SDK threw, where there was one. */
export function statusOf(thrown: unknown): number | undefined {
  return readError(thrown).status;
}

interface S3Error {
  readonly name: string;
  readonly status: number | undefined;
}

function readError(thrown: unknown): S3Error {
  const name = thrown instanceof Error ? thrown.name : 'unknown error';
  const metadata: unknown = thrown instanceof Error && '$metadata' in thrown ? thrown.$metadata : undefined;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) {
    return { name, status: undefined };
  }
  return { name, status: typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined };
}

/** Some servers answer with names of their own: then the status decides. */
function verdictOfStatus(status: number, name: string): Verdict {
  if (status === 404) return missingKey;
  if (status === 401 || status === 403) return denied;
  const what = ({ endpoint }: S3Request) => `${endpoint} answered ${status} ${name}`;
  return { kind: status >= 500 || status === 408 || status === 429 ? 'transient' : 'permanent', what };
}

function failureFor(verdict: Verdict, request: S3Request, cause: unknown): SourceFailure {
  return new SourceFailure(
    verdict.kind,
    `cannot read s3://${request.bucket}/${request.key}: ${verdict.what(request)}`,
    { cause, isBucket: verdict === missingBucket },
  );
}

/** Turns whatever the SDK throws into one sentence that names bucket, key and endpoint, and what to do. */
export function s3Failure(thrown: unknown, request: S3Request): SourceFailure {
  const location = `s3://${request.bucket}/${request.key}`;
  const { name, status } = readError(thrown);
  const verdict = VERDICTS[name] ?? (status === undefined ? undefined : verdictOfStatus(status, name));
  if (verdict !== undefined) return failureFor(verdict, request, thrown);
  if (/credential|token file|profile/i.test(messageOf(thrown))) {
    return new SourceFailure('permanent', `cannot read ${location}: ${messageOf(thrown)}`, { cause: thrown });
  }
  return networkFailure(thrown, location, request.endpoint);
}
