import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { OpenRequests } from './open-requests.js';

it('makes no errors with stacks for what was sent ahead and never looked at, and leaves those of others alone', async () => {
  const limit = Error.stackTraceLimit;
  const aborted: (Error | undefined)[] = [];
  const server = createServer((request, response) => {
    request.on('error', (error) => aborted.push(error));
    setImmediate(() => response.end());
  });
  const open = new OpenRequests(server);
  let forgotten = 0;
  server.on('request', (request) => {
    if (!open.of(request.socket).some((one) => one.request === request)) forgotten += 1;
    request.on('error', (error) => aborted.push(error));
  });
  server.listen(0);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port).resume();
  client.on('error', () => undefined);
  client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(500));
  await once(client, 'close');
  expect(forgotten).toBe(500 - 32);
  expect(aborted).toEqual([]);
  expect(Error.stackTraceLimit).toBe(limit);
});
