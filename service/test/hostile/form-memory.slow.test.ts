import { beforeAll, expect, it } from 'vitest';
import { send } from '../support/answers.js';
import { multipart } from '../support/images.js';
import { readMetric } from '../support/metrics.js';
import { meanColourModel } from '../support/models.js';
import { type ServiceProcess, startSharedService } from '../support/service-process.js';

const FORMS = 60;
const FILE_BYTES = 5_000_000;
/** What Node may not have collected yet. */
const SLACK_BYTES = 120_000_000;

let service: ServiceProcess;
beforeAll(async () => {
  const shared = await startSharedService(meanColourModel());
  service = shared.service;
  return shared.end;
});

it('lets go of the files of forms that it has answered', async () => {
  const { payload, headers } = multipart([{ field: 'file', bytes: Buffer.alloc(FILE_BYTES, 'x') }]);
  for (let form = 0; form < FORMS; form++) {
    const { status } = await send(service.url, '/predict', { body: payload, headers });
    expect(status).toBe(415);
  }
  expect(await readMetric(service.url, 'nodejs_external_memory_bytes')).toBeLessThan(SLACK_BYTES);
});
