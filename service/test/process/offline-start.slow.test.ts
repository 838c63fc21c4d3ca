import { describe, expect, it } from 'vitest';
import { json, predict } from '../support/answers.js';
import { FakeHub } from '../support/fake-hub.js';
import { plainPng } from '../support/images.js';
import { MEAN_COLOUR_MANIFEST, meanColourModel, temporaryFolder } from '../support/models.js';
import { encodeOnnx } from '../support/onnx.js';
import { launchService, type ServiceProcess, startService } from '../support/service-process.js';

const TOKEN = 'hf_secret';
const FILES = {
  'model.json': JSON.stringify(MEAN_COLOUR_MANIFEST),
  'model.onnx': encodeOnnx(meanColourModel()),
};

async function answerOf(service: ServiceProcess): Promise<unknown> {
  const answer = await predict(service.url, await plainPng({ r: 10, g: 20, b: 30 }));
  const { model, predictions } = json(answer) as Record<string, unknown>;
  return { model, predictions };
}

describe('a service whose model comes from the Hub', () => {
  it('starts again without the Hub, with the same answers and a warning, but not for the first time', async () => {
    const hub = await FakeHub.start(FILES, { token: TOKEN });
    const environment = {
      MODEL_URI: 'hf://acme/digits',
      MODEL_CACHE_DIR: await temporaryFolder(),
      HF_ENDPOINT: hub.endpoint,
      HF_TOKEN: TOKEN,
      LOG_LEVEL: 'trace',
    };
    const online = await startService(environment);
    const expected = await answerOf(online);
    await online.stop();
    await hub.close();

    const first = launchService({ ...environment, MODEL_CACHE_DIR: await temporaryFolder() });
    const offline = await startService(environment);
    expect(await answerOf(offline)).toEqual(expected);
    const warning = offline.logs.find(({ level, since }) => level === 'warn' && since !== undefined);
    expect(warning).toMatchObject({ source: 'hf://acme/digits/' });
    expect(await first.exit).toEqual({ code: 1, signal: null });
    expect(first.logs.at(-1)).toMatchObject({ level: 'fatal', code: 'MODEL_UNAVAILABLE' });
    for (const { lines } of [online, offline, first]) expect(lines.join('\n')).not.toContain(TOKEN);
  }, 60_000);
});
