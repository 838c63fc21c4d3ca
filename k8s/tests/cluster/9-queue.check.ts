import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { predict } from '../../../service/test/support/answers.js';
import { heavyColour, heavyModel } from '../../../service/test/support/heavy-model.js';
import { plainPng } from '../../../service/test/support/images.js';
import { QUICKLY_DOWN } from './support/environments.js';
import { FaultyService } from './support/faulty.js';
import { clusterAbsent, field, isFull, kubectl, rounded, until } from './support/kubectl.js';
import { installFromPlatform } from './support/platform.js';

const NAMESPACE = 'queue';
/** More than the images that four busy pods of one inference slot have in flight. */
const CLIENTS = 12;

describe.skipIf(clusterAbsent() ?? !isFull)('the component autoscaling-queue, by KEDA', () => {
  let service: FaultyService;

  beforeAll(async () => {
    await installFromPlatform('keda');
    service = await FaultyService.deploy(NAMESPACE, {
      model: heavyModel(1),
      environment: { WORKERS: '1', MAX_EXPECTED_WAIT_MS: '10000' },
      components: ['components/autoscaling-queue'],
    });
    const path = '/spec/advanced/horizontalPodAutoscalerConfig/behavior/scaleDown';
    const patch = JSON.stringify([{ op: 'replace', path, value: QUICKLY_DOWN }]);
    const where = `--namespace=${NAMESPACE}`;
    await kubectl(where, 'patch', 'scaledobject', 'cv-inference', '--type=json', `--patch=${patch}`);
  });
  afterAll(() => service.remove());

  const readyPods = async (): Promise<number> =>
    Number(await field('{.status.readyReplicas}', `--namespace=${NAMESPACE}`, 'deployment', 'cv-inference'));

  it('goes from two pods to five by images in flight, and back', async ({ annotate }) => {
    await until({ withinS: 120, what: 'there are two pods' }, async () => (await readyPods()) === 2);
    const url = await service.reach();
    const heavy = await plainPng(heavyColour(1));
    const refused: number[] = [];
    const ask = async (): Promise<void> => {
      const { status } = await predict(url, heavy);
      if (status !== 200) refused.push(status);
    };
    for (let client = 0; client < CLIENTS; client += 1) service.keep(ask, 0);
    const up = await until(
      { withinS: 240, what: 'there are five pods' },
      async () => (await readyPods()) === 5,
    );
    service.relent();
    const down = await until(
      { withinS: 240, what: 'there are two pods again' },
      async () => (await readyPods()) === 2,
    );
    await annotate(`up in ${rounded(up)}, down in ${rounded(down)}`);
    expect(refused).toEqual([]);
  });
});
