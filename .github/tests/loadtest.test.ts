import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tool } from '../../k8s/tests/support/tools.js';
import type { Gate } from '../../loadtest/gates.js';
import type { Distribution } from '../../loadtest/report/summary.js';
import {
  crossed,
  type Ended,
  GATE_CROSSED,
  run,
  type Settings,
  serviceUnderLoad,
  temporaryFolder,
} from './support/load.js';
import type { Fault } from './support/proxy.js';

const k6 = tool('k6');
if (k6 === undefined) {
  process.stderr.write(
    'skipped, for want of k6: GOBIN=~/.cache/cv-inference/tools/bin go install go.k6.io/k6@v1.8.1\n',
  );
}

const service = serviceUnderLoad();

interface Result {
  readonly passed: boolean;
  readonly gates: readonly Gate[];
  readonly results?: { readonly stagesMs: Readonly<Record<string, Distribution>>; readonly requests: number };
  readonly metrics?: Readonly<Record<string, { readonly values: Readonly<Record<string, number>> }>>;
}

interface Generator {
  readonly name: string;
  readonly absent: boolean;
  start(scenario: string, settings: Settings): Promise<Ended>;
  readonly file: (scenario: string) => string;
}

const GENERATORS: readonly Generator[] = [
  {
    name: 'autocannon',
    absent: false,
    start: (scenario, settings) =>
      run(process.execPath, ['dist/loadtest/main.js'], { SCENARIO: scenario, ...settings }),
    file: (scenario) => `${scenario}.json`,
  },
  {
    name: 'k6',
    absent: k6 === undefined,
    start: (scenario, settings) =>
      run(k6 ?? 'k6', ['run', '--quiet', `loadtest/k6/${scenario}.js`], settings),
    file: (scenario) => `k6-${scenario}.json`,
  },
];

/** 150 requests in five seconds, unless told otherwise. */
const SHORT = { RATE: '30', DURATION: '5s' };

describe.each(GENERATORS)('a load test by $name', ({ absent, start, file }) => {
  async function test(scenario: string, settings: Settings): Promise<Ended & { result: Result }> {
    const folder = await temporaryFolder();
    const ended = await start(scenario, { ...SHORT, OUT: folder, ...settings });
    const result = JSON.parse(await readFile(join(folder, file(scenario)), 'utf8')) as Result;
    return { ...ended, result };
  }

  it.skipIf(absent).each([
    ['steady', {}],
    ['spike', { RATE: '60' }],
    ['smoke', { UPLOAD: 'multipart' }],
  ])('passes the service in scenario %s', async (scenario, settings) => {
    const { code, output, result } = await test(scenario, { TARGET: service.url(), ...settings });
    expect(crossed(result.gates), output).toEqual([]);
    expect(result.passed).toBe(true);
    expect(code).toBe(0);
    expect(output).toMatch(/PASSED/);
    const stage =
      result.results?.stagesMs['inference']?.mean ?? result.metrics?.['stage_inference']?.values['avg'];
    expect(stage).toBeGreaterThan(0);
  });

  it.skipIf(absent).each<[string, Fault, string]>([
    ['a slow server', { delayMs: 600 }, 'latency p95'],
    ['an erroring server', { failEvery: 20 }, 'errors'],
    ['a wrongly answering server', { lieEvery: 50 }, 'wrong answers'],
  ])('fails %s by that gate', async (_, fault, gate) => {
    const { code, output, result } = await test('steady', { TARGET: await service.worsened(fault) });
    expect(crossed(result.gates), output).toEqual([gate]);
    expect(code).toBe(GATE_CROSSED);
    expect(output).toMatch(/FAILED/);
  });

  it.skipIf(absent)('fails a server that cannot keep up', async () => {
    const settings = { TARGET: await service.worsened({ delayMs: 300 }), VUS: '2' };
    const { code, result } = await test('steady', settings);
    expect(crossed(result.gates)).toContain('dropped');
    expect(code).toBe(GATE_CROSSED);
  });

  it.skipIf(absent)('ends early where nothing works', async () => {
    const settings = { TARGET: await service.worsened({ failEvery: 1 }), DURATION: '10m' };
    const { code, result } = await test('steady', settings);
    expect(crossed(result.gates)).toContain('errors');
    expect(code).toBe(GATE_CROSSED);
  });

  it.skipIf(absent)('says a run that is too short is none', async () => {
    const { code, result } = await test('steady', { TARGET: service.url(), DURATION: '3s' });
    expect(crossed(result.gates)).toEqual(['requests']);
    expect(code).toBe(GATE_CROSSED);
  });

  it.skipIf(absent).each([
    ['nobody listens', { TARGET: 'http://127.0.0.1:1' }, /nobody answers/],
    ['settings are wrong', { RATE: 'fast', VUS: '0' }, /RATE .*VUS /],
    ['images are missing', { IMAGES: 'no/such/folder' }, /no\/such\/folder/],
  ])('has no result where %s, and says so', async (_, settings, message) => {
    const { code, output } = await start('steady', { OUT: await temporaryFolder(), ...settings });
    expect(code).not.toBe(0);
    expect(code).not.toBe(GATE_CROSSED);
    expect(output).toMatch(message);
  });
});
