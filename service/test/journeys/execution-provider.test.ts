import { expect, it } from 'vitest';
import type { App } from '../../app.js';
import { startApp } from '../support/app.js';
import { readMetrics } from '../support/metrics.js';
import { meanColourModel, writeModelFolder } from '../support/models.js';
import { startService } from '../support/service-process.js';

async function sizeOf({ server }: App): Promise<Record<string, unknown>> {
  const { execution_provider, workers, max_batch_size } = (await server.inject('/model')).json();
  const limit = /^cv_in_flight_limit_images (\d+)$/m.exec((await server.inject('/metrics')).body)?.[1];
  return { execution_provider, workers, max_batch_size, limit };
}

it('falls back to the CPU where there is no GPU, and is then sized as for a CPU', async ({ skip }) => {
  const folder = await writeModelFolder(meanColourModel());
  const size = await sizeOf(await startApp({ MODEL_URI: folder, EXECUTION_PROVIDERS: 'cuda,cpu' }));
  if (size['execution_provider'] === 'cuda') skip('there is a GPU here');
  expect(size).toEqual(await sizeOf(await startApp({ MODEL_URI: folder })));
});

it('says in its log and its metrics that it fell back, and from what', async ({ skip }) => {
  const folder = await writeModelFolder(meanColourModel());
  const service = await startService({ MODEL_URI: folder, EXECUTION_PROVIDERS: 'cuda,cpu' });
  const [info = ''] = [...(await readMetrics(service.url)).keys()].filter((name) =>
    name.startsWith('cv_model_info'),
  );
  if (info.includes('provider="cuda"')) skip('there is a GPU here');
  expect(info).toContain('provider="cpu"');
  const refused = service.logs.filter(({ msg }) => msg === 'execution provider not available');
  expect(refused).toMatchObject([{ level: 'warn', provider: 'cuda', in_use: 'cpu' }]);
});
