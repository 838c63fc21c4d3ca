import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { messageOf } from '../../errors.js';
import { connectToS3 } from '../../model/sources/s3.js';
import { s3Failure, statusOf } from '../../model/sources/s3-failure.js';
import { CannotGoOn } from '../outcome.js';
import { openFileOutput } from './file-output.js';
import type { AnswerFormat } from './format.js';
import type { Output } from './output.js';
import { parametersText, type RunInfo } from './record.js';
import { parseS3, type S3Options, type S3Place, tried } from './s3-requests.js';

/** What an object of ours says of itself, in its metadata. */
interface Finished {
  readonly digest: string;
  readonly parameters: string;
  readonly failed: number;
}

/**
 * Answers as one object, which appears when the last image has been answered and not before: until then they are in the
 * temporary folder, and what was not finished is begun anew. Rejects with CannotGoOn, also where the object is there
 * already and has answers of another model, or to something else that was asked.
 */
export async function openS3Output(
  uri: string,
  format: AnswerFormat,
  run: RunInfo,
  options: S3Options,
): Promise<Output> {
  const place = parseS3(uri);
  const { client, HeadBucketCommand } = await connectToS3(options);
  const finished = await finishedBefore(place);
  if (finished !== undefined) checkSame(finished);
  const folder = await mkdtemp(join(tmpdir(), 'cv-inference-answers-'));
  const file = join(folder, basename(place.key));
  const spool = await openFileOutput(file, format, run);
  let failed = 0;
  return {
    ...spool,
    failedBefore: finished?.failed ?? 0,
    isFinished: finished !== undefined,
    whenStopped: `nothing was written to ${uri}, the same command begins anew`,
    write(record) {
      if (record.error !== undefined) failed += 1;
      return spool.write(record);
    },
    async close(isComplete) {
      try {
        await spool.close(isComplete);
        if (isComplete && finished === undefined) await upload();
        await rm(folder, { recursive: true, force: true });
      } finally {
        client.destroy();
      }
    },
  };

  async function finishedBefore({ bucket, key }: S3Place): Promise<Finished | undefined> {
    const { HeadObjectCommand } = await import('@aws-sdk/client-s3');
    try {
      const { Metadata = {} } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
      const { digest = '', parameters = '', failed: images = '0' } = Metadata;
      return { digest, parameters: decodeURIComponent(parameters), failed: Number(images) };
    } catch (error) {
      if (statusOf(error) !== 404)
        throw new CannotGoOn(`--out ${uri} cannot be looked at: ${messageOf(error)}`);
    }
    await client.send(new HeadBucketCommand({ Bucket: bucket })).catch((error: unknown) => {
      // Whoever may write to a bucket may not be allowed to look at it.
      if (statusOf(error) === 404) throw new CannotGoOn(`--out ${uri}: there is no such bucket`);
    });
    return undefined;
  }

  function checkSame({ digest, parameters }: Finished): void {
    if (digest === run.model.digest && parameters === parametersText(run.parameters)) return;
    throw new CannotGoOn(
      `--out ${uri} is there already and has answers of something else: choose another place`,
    );
  }

  async function upload(): Promise<void> {
    const { PutObjectCommand } = await import('@aws-sdk/client-s3');
    const { size } = await stat(file);
    const metadata = {
      digest: run.model.digest,
      parameters: encodeURIComponent(parametersText(run.parameters)),
      failed: String(failed),
    };
    const put = async (): Promise<void> => {
      const command = new PutObjectCommand({
        Bucket: place.bucket,
        Key: place.key,
        Body: createReadStream(file),
        ContentLength: size,
        ContentType: format.contentType,
        Metadata: metadata,
      });
      await client.send(command).catch((error: unknown) => {
        throw s3Failure(error, { ...place, endpoint: options.endpoint ?? 'S3' });
      });
    };
    await tried(options.attempts, put).catch((error: unknown) => {
      throw new CannotGoOn(`--out ${uri} cannot be written, the answers are in ${file}: ${messageOf(error)}`);
    });
  }
}
