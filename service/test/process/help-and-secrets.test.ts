import { describe, expect, it } from 'vitest';
import { CONFIG_SCHEMA } from '../../config.js';
import { expectProblem, predict } from '../support/answers.js';
import { plainPng } from '../support/images.js';
import { meanColourModel, writeModelFolder } from '../support/models.js';
import { launchService, ServiceProcess, startService } from '../support/service-process.js';

describe('--help', () => {
  it('prints every setting and ends well, whatever the environment says', async () => {
    const service = new ServiceProcess({ PORT: 'nonsense' }, ['--help']);
    expect(await service.exit).toEqual({ code: 0, signal: null });
    expect(service.stderr).toBe('');
    const words = new Set(service.lines.join('\n').split(/\s+/));
    expect(Object.keys(CONFIG_SCHEMA).filter((name) => !words.has(name))).toEqual([]);
  });
});

describe('secrets', () => {
  const keys = ['first-secret-key', 'second-secret-key'];

  it('stay out of the log of a service that serves, at its most talkative', async () => {
    const service = await startService({
      LOG_LEVEL: 'trace',
      API_KEYS: keys.join(','),
      MODEL_HTTP_TOKEN: 'secret-token',
      MODEL_URI: await writeModelFolder(meanColourModel()),
    });
    const image = await plainPng({ r: 1, g: 2, b: 3 });
    for (const key of keys) {
      expect((await predict(service.url, image, { authorization: `Bearer ${key}` })).status).toBe(200);
    }
    expectProblem(await predict(service.url, image, { 'x-api-key': 'wrong-secret-key' }), 'UNAUTHORIZED');
    expectProblem(await predict(`${service.url}/?key=query-secret`, image), 'UNAUTHORIZED');
    expect(await service.stop()).toEqual({ code: 0, signal: null });
    expect(service.lines.join('\n')).not.toContain('secret');
  });

  it.concurrent.for([
    ['a source that cannot be reached', 'http://user:secret-word@127.0.0.1:9/model/?signature=secret-too'],
    ['a source whose password holds an @', 'http://user:one@secret-word@127.0.0.1:9/model/'],
    ['a source that is no URL', 'http://user:secret-word@/nothing here/'],
    ['a scheme that is unknown', 'gopher://user:secret-word@models/digits?signature=secret-too'],
  ])('stay out of the log of a start that failed at %s', async ([, uri = ''], { onTestFinished }) => {
    const secret = {
      MODEL_URI: uri,
      LOG_LEVEL: 'trace',
      API_KEYS: keys.join(','),
      MODEL_HTTP_TOKEN: 'secret-token',
    };
    const service = launchService(secret, onTestFinished);
    expect(await service.exit).toEqual({ code: 1, signal: null });
    expect(service.lines.join('\n') + service.stderr).not.toContain('secret');
  });

  it('stay out of the complaint about a setting that is wrong', async () => {
    const service = launchService({
      API_KEYS: ',',
      AWS_ENDPOINT_URL_S3: 'ftp://user:secret-word@storage',
      PORT: 'x',
    });
    expect(await service.exit).toEqual({ code: 1, signal: null });
    expect(service.lines.join('\n') + service.stderr).not.toContain('secret-word');
  });
});
