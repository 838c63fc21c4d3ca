import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type Children, freePort } from './children.js';
import { answers, until } from './until.js';

const BUCKET = 'loop';
const REGION = 'us-east-1';
const START_TIMEOUT_MS = 30_000;

/** The S3 server of a play, and its one bucket. */
export class Storage {
  readonly captures = `s3://${BUCKET}/captures`;
  readonly runs = `s3://${BUCKET}/mlflow`;
  /** Where it is and who may use it, as the SDKs of S3 read it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #client: S3Client;

  private constructor(endpoint: string, accessKeyId: string, secretAccessKey: string) {
    this.environment = {
      AWS_ENDPOINT_URL: endpoint,
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_REGION: REGION,
      AWS_DEFAULT_REGION: REGION,
      MLFLOW_S3_ENDPOINT_URL: endpoint,
    };
    const credentials = { accessKeyId, secretAccessKey };
    this.#client = new S3Client({ endpoint, region: REGION, credentials, forcePathStyle: true });
  }

  static async start(children: Children, program: string, folder: string): Promise<Storage> {
    const port = await freePort();
    const endpoint = `http://127.0.0.1:${port}`;
    const [key, secret] = ['loop-access-key', randomBytes(24).toString('hex')];
    const [data, metadata] = [join(folder, 'objects'), join(folder, 'metadata')];
    for (const each of [data, metadata]) mkdirSync(each);
    const child = children.start({
      name: 's3',
      program,
      args: ['--port', `127.0.0.1:${port}`, '--region', REGION, 'posix', '--sidecar', metadata, data],
      environment: { ROOT_ACCESS_KEY_ID: key, ROOT_SECRET_ACCESS_KEY: secret },
    });
    await until('an answer of the S3 server', START_TIMEOUT_MS, () => {
      children.expectRunning(child);
      return answers(endpoint);
    });
    const storage = new Storage(endpoint, key, secret);
    await storage.#client.send(new CreateBucketCommand({ Bucket: BUCKET }));
    return storage;
  }

  /**
   * Copies a model's folder, the manifest last.
   * @returns its MODEL_URI
   */
  async putModel(folder: string): Promise<string> {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
    const prefix = `models/${name}/${version}`;
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
    for (const file of files.sort((a, b) => Number(a === 'model.json') - Number(b === 'model.json'))) {
      const object = { Bucket: BUCKET, Key: `${prefix}/${file}`, Body: readFileSync(join(folder, file)) };
      await this.#client.send(new PutObjectCommand(object));
    }
    return `s3://${BUCKET}/${prefix}`;
  }

  close(): void {
    this.#client.destroy();
  }
}
