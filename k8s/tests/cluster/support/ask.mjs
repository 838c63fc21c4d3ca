// One request, as JSON in the first argument; prints what was answered as JSON. A body is a file, or an image in a batch that
// is filled up with spaces to so many bytes. It is sent when the server asks for it.
import { readFileSync } from 'node:fs';

const { gateway, host, path, isSecure, file, batchBytes } = JSON.parse(process.argv[1]);
const { request } = await import(isSecure ? 'node:https' : 'node:http');

const image = file && readFileSync(file);
const batch = batchBytes && JSON.stringify({ images: [image.toString('base64')] });
const body = batch ? Buffer.from(batch.padEnd(batchBytes)) : image;
const type = batch ? 'application/json' : 'image/png';
const headers = body && { 'content-type': type, 'content-length': body.length, expect: '100-continue' };
const options = {
  host: gateway,
  path,
  method: body ? 'POST' : 'GET',
  servername: host,
  rejectUnauthorized: false,
  headers: { host, ...headers },
};
const sent = request(options, async (answer) => {
  const text = (await answer.toArray()).join('');
  const { location, 'content-type': contentType } = answer.headers;
  process.stdout.write(JSON.stringify({ status: answer.statusCode, contentType, location, text }));
  process.exit();
});
if (body) sent.on('continue', () => sent.end(body)).flushHeaders();
else sent.end();
