import { expect, it } from 'vitest';
import type { App } from '../../app.js';
import { startApp } from '../support/app.js';
import { meanColourModel, writeModelFolder } from '../support/models.js';

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
