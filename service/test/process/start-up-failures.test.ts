import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { expectRefusal } from '../support/refused-start.js';
import type { Environment } from '../support/service-process.js';

describe.concurrent('a configuration that cannot work', () => {
  it('names every fault in one line, without a model being looked at', async (context) => {
    const message = await expectRefusal(
      context,
      { PORT: 'http', WORKERS: '0', LOG_LEVEL: 'loud', MAX_BATCH_WAIT_MS: '-1', MODEL_SHA256: 'abc' },
      'CONFIG_INVALID',
    );
    for (const name of ['PORT', 'WORKERS', 'LOG_LEVEL', 'MAX_BATCH_WAIT_MS', 'MODEL_SHA256']) {
      expect(message).toContain(name);
    }
  });

  it.for<[string, Environment]>([
    ['settings that contradict each other', { MAX_BATCH_BYTES: '1000', MAX_IMAGE_BYTES: '2000' }],
    ['a scheme that models do not come from', { MODEL_URI: 'gopher://models/digits' }],
    ['an address that is not its own', { HOST: '192.0.2.1' }],
  ])('refuses %s', async ([, environment], context) => {
    await expectRefusal(context, environment, 'CONFIG_INVALID');
  });

  it('says which port is taken', async (context) => {
    const other = createServer().listen(0, '127.0.0.1');
    context.onTestFinished(() => void other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const message = await expectRefusal(context, { PORT: String(port) }, 'CONFIG_INVALID');
    expect(message).toContain(`127.0.0.1:${port}`);
  });
});

describe('a model that is not there', () => {
  it('ends the start with one line and MODEL_NOT_FOUND', async (context) => {
    await expectRefusal(context, { MODEL_URI: '/nowhere/model' }, 'MODEL_NOT_FOUND');
  });
});
