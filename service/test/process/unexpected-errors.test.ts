import { expect, it } from 'vitest';
import { predict } from '../support/answers.js';
import { plainPng } from '../support/images.js';
import { startService } from '../support/service-process.js';

/** Throws where nobody catches it, when it is told to. */
const THROWING = `process.on('SIGUSR2', () => { throw new Error('thrown'); });`;

it('an error that nobody caught is logged, not written to stderr, and ends the process with 1', async () => {
  const service = await startService({
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(THROWING)}`,
    DRAIN_DELAY_MS: '600000',
  });
  expect((await predict(service.url, await plainPng({ r: 1, g: 2, b: 3 }))).status).toBe(200);
  service.send('SIGUSR2');
  expect(await service.exit).toEqual({ code: 1, signal: null });
  expect(service.stderr).toBe('');
  const fatal = service.logs.filter(({ level }) => level === 'fatal');
  expect(fatal).toEqual([expect.objectContaining({ err: expect.objectContaining({ message: 'thrown' }) })]);
  expect(service.logs.at(-1)).toMatchObject({ level: 'error', msg: 'aborted' });
});
