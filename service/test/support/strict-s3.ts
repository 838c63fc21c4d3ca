import { vi } from 'vitest';

const { CV_STRICT_S3_ENDPOINT, CV_STRICT_S3_ACCESS_KEY, CV_STRICT_S3_SECRET } = process.env;

/** The server that verifies signatures, which .ci/strict-s3 starts: its address and its keys, empty where there is none. */
export const STRICT_S3 = {
  endpoint: CV_STRICT_S3_ENDPOINT ?? '',
  accessKeyId: CV_STRICT_S3_ACCESS_KEY ?? '',
  secretAccessKey: CV_STRICT_S3_SECRET ?? '',
};
export const isStrictS3Served = Object.values(STRICT_S3).every((value) => value !== '');

/** What a test says of itself, and why it is skipped where it is. */
export function strictTitle(title: string): string {
  const reason = 'CV_STRICT_S3_ENDPOINT, _ACCESS_KEY and _SECRET are not set; run .ci/strict-s3';
  return isStrictS3Served ? title : `${title} (skipped: ${reason})`;
}

/** As its owner. */
export async function strictS3Client() {
  const { S3Client } = await import('@aws-sdk/client-s3');
  const { endpoint, ...credentials } = STRICT_S3;
  return new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
}

/** The right keys, and nothing else of this machine, until `vi.unstubAllEnvs`. */
export function stubStrictS3Keys(): void {
  vi.stubEnv('AWS_ACCESS_KEY_ID', STRICT_S3.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', STRICT_S3.secretAccessKey);
  vi.stubEnv('AWS_SESSION_TOKEN', undefined);
  vi.stubEnv('AWS_REGION', undefined);
  vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
}
