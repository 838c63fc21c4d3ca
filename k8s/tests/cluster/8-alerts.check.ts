import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { predict } from '../../../service/test/support/answers.js';
import { heavyColour, heavyModel, quickColour } from '../../../service/test/support/heavy-model.js';
import { plainPng } from '../../../service/test/support/images.js';
import { pickyModel } from '../../../service/test/support/models.js';
import { alertId, alerts, ROOT } from '../support/expressions.js';
import { type Deviation, FaultyService, MINUTE_S } from './support/faulty.js';
import { clusterAbsent, isFull, rounded, until } from './support/kubectl.js';
import { alertsOf, query } from './support/monitoring.js';
import { signalPod } from './support/processes.js';

/** Rounds of a heavy model: half a second of one core. */
const HEAVY = 12;

interface Fault {
  readonly name: string;
  readonly deviation: Deviation;
  /** What it must bring, and what is over when it is. */
  readonly alerts: readonly string[];
  /** Makes it happen, where deploying it does not. */
  readonly begin?: (service: FaultyService) => Promise<void>;
  /** Undoes it, where it does not end with what was kept up. */
  readonly end?: (service: FaultyService) => Promise<void>;
}

/** Takes three images at once, of which one is enough for it. */
const BUSY: Deviation = {
  model: heavyModel(HEAVY),
  environment: {
    MAX_IN_FLIGHT_IMAGES: '3',
    MAX_EXPECTED_WAIT_MS: '1500',
    MAX_BATCH_IMAGES: '3',
    MAX_BATCH_SIZE: '1',
    INTRA_OP_THREADS: '1',
  },
};

/** Eight clients that do not wait when they are refused. */
async function crowd(service: FaultyService): Promise<void> {
  await service.untilReady();
  const url = await service.reach();
  const heavy = await plainPng(heavyColour(1));
  for (let client = 0; client < 8; client += 1) service.keep(() => predict(url, heavy), 50);
}

/** Three clients whose JSON takes its event loop more than the CPU that a few periods have. */
async function largeBodies(service: FaultyService): Promise<void> {
  await service.untilReady();
  const url = await service.reach();
  const body = JSON.stringify({ image: Buffer.alloc(6_000_000).toString('base64') });
  const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
  for (let client = 0; client < 3; client += 1)
    service.keep(async () => (await fetch(`${url}/predict`, request)).arrayBuffer(), 100);
}

async function untilKnown(expression: string): Promise<void> {
  await until({ withinS: 120, what: expression }, async () => (await query(expression)).length > 0);
}

const FAULTS: readonly Fault[] = [
  {
    name: 'lossy',
    deviation: { model: heavyModel(2 * HEAVY), environment: { RUN_TIMEOUT_MS: '200' } },
    alerts: ['CvInferenceWorkerLost warning'],
    begin: async (service) => {
      await service.untilReady();
      const url = await service.reach();
      await untilKnown(`cv_worker_restarts_total{namespace="${service.namespace}",reason="stuck"} == 0`);
      await predict(url, await plainPng(heavyColour(1)));
    },
  },
  {
    name: 'overloaded',
    deviation: BUSY,
    alerts: [
      'CvInferenceRejecting critical',
      'CvInferenceRejecting warning',
      'CvInferenceQueueFilling warning',
      'CvInferenceLatencyBudgetBurn critical 1h',
    ],
    begin: crowd,
  },
  {
    name: 'failing',
    deviation: { model: pickyModel() },
    alerts: ['CvInferenceErrorBudgetBurn critical 1h', 'CvInferenceModelFailing critical'],
    begin: async (service) => {
      await service.untilReady();
      const url = await service.reach();
      const [good, fatal] = await Promise.all([plainPng(quickColour(1)), plainPng({ r: 255, g: 0, b: 0 })]);
      service.keep(() => predict(url, good), 100);
      service.keep(() => predict(url, fatal), 100);
    },
  },
  {
    name: 'unloadable',
    deviation: { environment: { MODEL_SHA256: '0'.repeat(64) } },
    alerts: ['CvInferenceModelLoadFailing warning', 'CvInferenceNoReadyPod critical'],
    end: (service) => service.set('MODEL_SHA256-'),
  },
  {
    name: 'restarting',
    deviation: {},
    alerts: ['CvInferenceProcessRestarting warning'],
    begin: async (service) => {
      for (let time = 0; time < 3; time += 1) {
        await service.untilReady();
        await untilKnown(
          `changes(process_start_time_seconds{namespace="${service.namespace}"}[1h]) == ${time}`,
        );
        await untilKnown(`cv_ready{namespace="${service.namespace}"} == 1`);
        await signalPod(service.namespace, await service.pod(), 'SIGKILL');
      }
    },
  },
  {
    name: 'stopped',
    deviation: {},
    alerts: ['CvInferenceTargetDown warning', 'CvInferenceNoReadyPod critical'],
    begin: async (service) => {
      await service.untilReady();
      await untilKnown(`cv_ready{namespace="${service.namespace}"} == 1`);
      const pod = await service.pod();
      service.keep(() => signalPod(service.namespace, pod, 'SIGSTOP'), 2_000);
    },
    // Its containers were restarted again and again: the next one would be minutes away.
    end: (service) => service.replacePod(),
  },
  {
    name: 'nowhere',
    deviation: { replicas: 0 },
    alerts: ['CvInferenceTargetAbsent critical'],
    end: (service) => service.scale(1),
  },
  {
    name: 'throttled',
    deviation: { cpu: '100m' },
    alerts: ['CvInferenceCpuThrottled info', 'CvInferenceEventLoopLag warning'],
    begin: largeBodies,
  },
];

/** Those of the longest windows would need half an hour to be over. */
const isLong = (id: string): boolean => / (?:6h|1d|3d)$/.test(id);

describe.skipIf(clusterAbsent() ?? !isFull)(`alerts, with a minute of their rules in ${MINUTE_S} s`, () => {
  const services = new Map<string, FaultyService>();
  const service = (name: string): FaultyService => services.get(name) as FaultyService;
  const seen = (name: string): Promise<string[]> => alertsOf(`fault-${name}`);

  beforeAll(async () => {
    for (const { name, deviation } of FAULTS) {
      services.set(name, await FaultyService.deploy(`fault-${name}`, deviation));
    }
    services.set('none', await FaultyService.deploy('fault-none'));
    await service('none').untilReady();
    const url = await service('none').reach();
    const digit = readFileSync(join(ROOT, 'service/models/digits/golden/7-blocks.png'));
    service('none').keep(() => predict(url, digit), 200);
  });
  afterAll(async () => {
    for (const each of services.values()) await each.remove();
  });

  it.concurrent.for(FAULTS)(
    'reach Alertmanager by their cause, and are over with it: $name',
    async ({ name, alerts: expected, begin, end }, { annotate }) => {
      await begin?.(service(name));
      const missing = async (): Promise<string[]> => {
        const there = await seen(name);
        return expected.filter((id) => !there.includes(id));
      };
      const fired = await until(
        { withinS: 240, what: `${expected} of ${name}` },
        async () => (await missing()).length === 0,
        async () => (await seen(name)).join(', '),
      );
      await end?.(service(name));
      service(name).relent();
      const left = async (): Promise<string[]> => (await seen(name)).filter((id) => !isLong(id));
      const over = await until(
        { withinS: 420, what: `no alert of ${name}` },
        async () => (await left()).length === 0,
        async () => (await left()).join(', '),
      );
      await annotate(`fired after ${rounded(fired)}, over after ${rounded(over)}`);
    },
  );

  it('are all known, each by a cause, and silent where nothing is wrong', async () => {
    expect(await seen('none')).toEqual([]);
    const caused = new Set(FAULTS.flatMap(({ alerts: ids }) => ids.map((id) => id.split(' ')[0])));
    expect(caused).toEqual(new Set(alerts().map(({ alert }) => alert)));
    expect(alerts().map(alertId)).toEqual(expect.arrayContaining(FAULTS.flatMap(({ alerts: ids }) => ids)));
  });
});
