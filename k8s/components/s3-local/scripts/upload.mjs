// Puts a folder into a bucket, which it makes where there is none: upload.mjs FOLDER s3://BUCKET/PREFIX
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';

const [folder, target] = process.argv.slice(2);
const { hostname: bucket, pathname } = new URL(target);
const prefix = pathname.slice(1);

// The server may still be starting.
const s3 = new S3Client({ forcePathStyle: true, maxAttempts: 20 });
const THERE_ALREADY = ['BucketAlreadyOwnedByYou', 'BucketAlreadyExists'];
await s3.send(new CreateBucketCommand({ Bucket: bucket })).catch((error) => {
  if (!THERE_ALREADY.includes(error.name)) throw error;
});

const entries = await readdir(folder, { recursive: true, withFileTypes: true });
const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
// The model last: who finds it finds all that belongs to it, and does not derive what model.json would say.
files.sort((a, b) => Number(a.endsWith('.onnx')) - Number(b.endsWith('.onnx')));
for (const file of files) {
  const Key = `${prefix}/${relative(folder, file)}`;
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: await readFile(file) }));
  process.stdout.write(`s3://${bucket}/${Key}\n`);
}
