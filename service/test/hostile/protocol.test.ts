import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { RequestErrorCode } from '../../errors.js';
import { expectColour, expectProblem } from '../support/answers.js';
import { quickColour } from '../support/heavy-model.js';
import { plainPng } from '../support/images.js';
import { peakGrowth } from '../support/memory.js';
import { meanColourModel } from '../support/models.js';
import { chunk, head, RawConnection, type ReceiveOptions, wholeRequest } from '../support/raw-connection.js';
import { type ServiceProcess, startSharedService } from '../support/service-process.js';

let service: ServiceProcess;
beforeAll(async () => {
  const shared = await startSharedService(meanColourModel());
  service = shared.service;
  return shared.end;
});

async function connect(): Promise<RawConnection> {
  const connection = await RawConnection.open(service.url);
  onTestFinished(() => connection.destroy());
  return connection;
}

async function exchange(request: string | Uint8Array, options?: ReceiveOptions) {
  const connection = await connect();
  await connection.write(request);
  return { connection, answer: await connection.receive(options) };
}

describe('bytes that are not HTTP', () => {
  it.each([
    ['a greeting', 'hello\r\n\r\n'],
    ['a TLS handshake', Buffer.from('16030100c8010000c40303', 'hex')],
    ['HTTP/2 without asking', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    [
      'two lengths that differ',
      'POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
    ],
    [
      'a length and chunks',
      head('POST', '/predict', { 'content-length': 5, 'transfer-encoding': 'chunked' }),
    ],
    ['a negative length', head('POST', '/predict', { 'content-length': -1 })],
    ['a header without a name', 'GET /health HTTP/1.1\r\n: x\r\n\r\n'],
    ['headers of 20 KB', head('GET', '/health', { 'x-long': 'a'.repeat(20_000) })],
    ['an address of 20 KB', head('GET', `/${'a'.repeat(20_000)}`)],
    ['a chunk of no size', `${head('POST', '/predict', { 'transfer-encoding': 'chunked' })}zz\r\n`],
  ])('%s: REQUEST_INVALID, and the connection ends', async (_, bytes) => {
    const { connection, answer } = await exchange(bytes);
    expectProblem(answer, 'REQUEST_INVALID');
    await connection.over();
  });

  it('do no harm to anyone else', async () => {
    const connections = await Promise.all(Array.from({ length: 20 }, connect));
    for (const connection of connections) await connection.write('\0'.repeat(1000));
    const image = await plainPng(quickColour(1));
    expectColour((await exchange(wholeRequest('/predict', image))).answer, quickColour(1));
  });
});

describe('a request for what is not there', () => {
  it.each<[string, string, string, RequestErrorCode]>([
    ['an unknown path', 'GET', '/nothing', 'NOT_FOUND'],
    ['an unknown path in full', 'GET', 'http://elsewhere.example/nothing', 'NOT_FOUND'],
    ['the server as a whole', 'OPTIONS', '*', 'NOT_FOUND'],
    ['a pattern', 'DELETE', '/*', 'NOT_FOUND'],
    ['an address that cannot be decoded', 'GET', '/%zz', 'REQUEST_INVALID'],
    ['a path out of the documentation', 'GET', '/docs/static/../../../package.json', 'REQUEST_INVALID'],
    ['the same, encoded', 'GET', '/docs/static/%2e%2e/%2e%2e/package.json', 'REQUEST_INVALID'],
    ['the same, its slashes encoded', 'GET', '/docs/static/..%2f..%2fpackage.json', 'NOT_FOUND'],
    ['the same with backslashes', 'GET', '/docs/static/..%5c..%5cpackage.json', 'REQUEST_INVALID'],
    ['a path with a zero in it', 'GET', '/docs/static/%00', 'REQUEST_INVALID'],
  ])('%s (%s %s): %s', async (_, method, target, code) => {
    const { answer } = await exchange(head(method, target));
    expectProblem(answer, code);
    expect(answer.headers['x-request-id']).toMatch(/./);
    expect(answer.text).not.toContain('dependencies');
  });

  it.each([
    ['OPTIONS', '/predict', 'POST'],
    ['PUT', '/predict', 'POST'],
    ['GET', '/predict', 'POST'],
    ['DELETE', '/predict/batch', 'POST'],
    ['PROPFIND', '/predict', 'POST'],
    ['POST', '/health', 'GET'],
    ['POST', '/model', 'GET'],
    ['PATCH', '/metrics', 'GET'],
  ])('%s %s: METHOD_NOT_ALLOWED, and Allow says %s', async (method, target, allow) => {
    const { answer } = await exchange(head(method, target, { 'content-length': 0 }));
    expectProblem(answer, 'METHOD_NOT_ALLOWED');
    expect(answer.headers['allow']).toBe(allow);
  });
});

describe('HEAD', () => {
  it.each([
    ['/health', 200],
    ['/ready', 200],
    ['/model', 200],
    ['/predict', 405],
    ['/nothing', 404],
  ])('%s answers %i without a body, and the connection goes on', async (target, status) => {
    const { connection, answer } = await exchange(head('HEAD', target), { toHead: true });
    expect(answer.status).toBe(status);
    await connection.write(head('GET', '/health'));
    expect((await connection.receive()).status).toBe(200);
  });
});

describe('a connection', () => {
  it('answers what is sent down it at once in order, each with its own', async () => {
    const colours = [3, 1, 4, 15, 9, 26, 5].map(quickColour);
    const images = await Promise.all(colours.map((colour) => plainPng(colour)));
    const connection = await connect();
    await connection.write(
      Buffer.concat([
        ...images.map((image, index) => wholeRequest('/predict', image, { 'x-request-id': `no-${index}` })),
        Buffer.from(head('GET', '/nothing')),
        Buffer.from(head('GET', '/health')),
      ]),
    );
    for (const [index, colour] of colours.entries()) {
      const answer = await connection.receive();
      expectColour(answer, colour);
      expect(answer.headers['x-request-id']).toBe(`no-${index}`);
    }
    expectProblem(await connection.receive(), 'NOT_FOUND');
    expect((await connection.receive()).status).toBe(200);
  });

  it('goes on after a refusal, when the body that was refused has been sent', async () => {
    const connection = await connect();
    await connection.write(wholeRequest('/predict?top_k=0', await plainPng(quickColour(1))));
    expectProblem(await connection.receive(), 'REQUEST_INVALID');
    await connection.write(wholeRequest('/predict', await plainPng(quickColour(2))));
    expectColour(await connection.receive(), quickColour(2));
  });

  it.each([
    ['nobody answers at', '/nothing', 'NOT_FOUND'],
    ['cannot be decoded', '/%zz', 'REQUEST_INVALID'],
  ] as const)(
    'ends with a refusal when megabytes are still to come, at an address that %s',
    async (_, path, code) => {
      const { connection, answer } = await exchange(head('POST', path, { 'content-length': 5_000_000 }));
      expectProblem(answer, code);
      expect(answer.headers['connection']).toBe('close');
      await connection.over();
    },
  );

  it('of HTTP/1.0 gets its answer and ends', async () => {
    const { connection, answer } = await exchange('GET /health HTTP/1.0\r\n\r\n');
    expect(answer.status).toBe(200);
    await connection.over();
  });

  it('that wants to become another protocol is served in this one', async () => {
    const image = await plainPng(quickColour(8));
    const upgrade = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' };
    expectColour((await exchange(wholeRequest('/predict', image, upgrade))).answer, quickColour(8));
  });
});

describe('Expect: 100-continue', () => {
  const expecting = { expect: '100-continue', 'content-type': 'image/png' };

  it('is answered by 100, and then by the result', async () => {
    const image = await plainPng(quickColour(6));
    const { connection, answer } = await exchange(
      head('POST', '/predict', { ...expecting, 'content-length': image.length }),
    );
    expect(answer.status).toBe(100);
    await connection.write(image);
    expectColour(await connection.receive(), quickColour(6));
  });

  it('of a body that is too large ends in IMAGE_TOO_LARGE before it is sent', async () => {
    const { connection, answer } = await exchange(
      head('POST', '/predict', { ...expecting, 'content-length': 10 ** 9 }),
    );
    expectProblem(answer.status === 100 ? await connection.receive() : answer, 'IMAGE_TOO_LARGE');
  });
});

describe('a body', () => {
  it('in chunks is taken as one of known length is', async () => {
    const image = await plainPng(quickColour(7));
    const connection = await connect();
    await connection.write(
      head('POST', '/predict', { 'transfer-encoding': 'chunked', 'content-type': 'image/png' }),
    );
    for (const part of [image.subarray(0, 1), image.subarray(1, 40), image.subarray(40)]) {
      await connection.write(chunk(part));
    }
    await connection.write(chunk(''));
    expectColour(await connection.receive(), quickColour(7));
  });

  it('shorter than its length, its connection half closed, is refused and the connection ends', async () => {
    const image = await plainPng(quickColour(7));
    const connection = await connect();
    await connection.write(
      head('POST', '/predict', { 'content-length': image.length + 1, 'content-type': 'image/png' }),
    );
    await connection.write(image);
    connection.end();
    expectProblem(await connection.receive(), 'REQUEST_INVALID');
    await connection.over();
  });

  it('longer than its length does not become a request that is served', async () => {
    const image = await plainPng(quickColour(7));
    const connection = await connect();
    await connection.write(
      head('POST', '/predict', { 'content-length': image.length - 5, 'content-type': 'image/png' }),
    );
    await connection.write(image);
    expect([200, 422]).toContain((await connection.receive()).status);
    expectProblem(await connection.receive(), 'REQUEST_INVALID');
    await connection.over();
  });
});

describe('the head of a request', () => {
  it.each([
    ['no Host', 'GET /ready HTTP/1.1\r\n\r\n'],
    ['two Hosts', 'GET /ready HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n'],
  ])('with %s: REQUEST_INVALID', async (_, bytes) => {
    expectProblem((await exchange(bytes)).answer, 'REQUEST_INVALID');
  });

  it('of HTTP/1.0 needs no Host', async () => {
    expect((await exchange('GET /health HTTP/1.0\r\n\r\n')).answer.status).toBe(200);
  });

  it('that expects what nobody knows: EXPECTATION_FAILED', async () => {
    const image = await plainPng(quickColour(1));
    const { answer } = await exchange(wholeRequest('/predict', image, { expect: 'the-unexpected' }));
    expectProblem(answer, 'EXPECTATION_FAILED');
  });

  it('with a method that Node does not know: METHOD_NOT_ALLOWED, and which are', async () => {
    for (const method of ['QUERY', 'BREW']) {
      const { answer } = await exchange(head(method, '/predict'));
      expectProblem(answer, 'METHOD_NOT_ALLOWED');
      expect(answer.headers['allow']).toBe('POST');
    }
  });
});

describe('requests on one connection', () => {
  it('are answered before the rubbish that follows them is', async () => {
    const images = await Promise.all([1, 2].map((index) => plainPng(quickColour(index))));
    const requests = images.map((image) => wholeRequest('/predict', image));
    const connection = await connect();
    await connection.write(Buffer.concat([...requests, Buffer.from('rubbish\r\n\r\n')]));
    for (const index of [1, 2]) expectColour(await connection.receive(), quickColour(index));
    expectProblem(await connection.receive(), 'REQUEST_INVALID');
    await connection.over();
  });

  it('are answered when their client has ended its side', async () => {
    const images = await Promise.all([3, 4].map((index) => plainPng(quickColour(index))));
    const connection = await connect();
    await connection.write(Buffer.concat(images.map((image) => wholeRequest('/predict', image))));
    connection.end();
    for (const index of [3, 4]) expectColour(await connection.receive(), quickColour(index));
    await connection.over();
  });
});

describe('hundreds of requests that are sent ahead', () => {
  it('are answered as far as a client in earnest would send them, and end the connection', async () => {
    const connection = await connect();
    await connection.write(head('GET', '/openapi.json').repeat(500));
    for (let answered = 0; answered < 32; answered++) {
      expect((await connection.receive()).status).toBe(200);
    }
    await connection.over();
    expect((await exchange(head('GET', '/health'))).answer.status).toBe(200);
  });

  it('cost little where nobody reads the answers', async () => {
    const growth = await peakGrowth(service.pid, async () => {
      for (let client = 0; client < 16; client++) {
        const connection = await connect();
        connection.stopReading();
        await connection.write(head('GET', '/openapi.json').repeat(500));
      }
      expect((await exchange(head('GET', '/health'))).answer.status).toBe(200);
    });
    expect(growth).toBeLessThan(64 * 1024 * 1024);
  });
});
