import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { tool } from '../../k8s/tests/support/tools.js';
import type { ComparisonReport } from '../../loadtest/compare/report.js';
import { EXIT_CODES } from '../../loadtest/exit.js';
import type { Gate } from '../../loadtest/gates.js';
import type { Distribution } from '../../loadtest/report/summary.js';
import { ServiceProcess } from '../../service/test/support/service-process.js';
import { type Fault, startProxy } from './support/proxy.js';

const GATE_CROSSED = EXIT_CODES.fail;
const ROOT = join(import.meta.dirname, '../..');
const k6 = tool('k6');
if (k6 === undefined) {
  process.stderr.write(
    'skipped, for want of k6: GOBIN=~/.cache/cv-inference/tools/bin go install go.k6.io/k6@v1.8.1\n',
  );
}

let service: ServiceProcess;
beforeAll(async () => {
  service = new ServiceProcess({});
  await service.said('ready');
});
afterAll(() => service.destroy());

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

type Settings = Readonly<Record<string, string>>;

async function run(command: string, args: readonly string[], settings: Settings): Promise<Ended> {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(command, args, { cwd: ROOT, env: { PATH, HOME, ...settings } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cv-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The service behind something that makes it worse. */
async function worsened(fault: Fault): Promise<string> {
  const proxy = await startProxy(service.url, fault);
  onTestFinished(() => proxy.close());
  return proxy.url;
}

const crossed = (gates: readonly Gate[]): string[] =>
  gates.filter(({ passed }) => !passed).map(({ name }) => name);

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
    const { code, output, result } = await test(scenario, { TARGET: service.url, ...settings });
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
    const { code, output, result } = await test('steady', { TARGET: await worsened(fault) });
    expect(crossed(result.gates), output).toEqual([gate]);
    expect(code).toBe(GATE_CROSSED);
    expect(output).toMatch(/FAILED/);
  });

  it.skipIf(absent)('fails a server that cannot keep up', async () => {
    const settings = { TARGET: await worsened({ delayMs: 300 }), VUS: '2' };
    const { code, result } = await test('steady', settings);
    expect(crossed(result.gates)).toContain('dropped');
    expect(code).toBe(GATE_CROSSED);
  });

  it.skipIf(absent)('ends early where nothing works', async () => {
    const settings = { TARGET: await worsened({ failEvery: 1 }), DURATION: '10m' };
    const { code, result } = await test('steady', settings);
    expect(crossed(result.gates)).toContain('errors');
    expect(code).toBe(GATE_CROSSED);
  });

  it.skipIf(absent)('says a run that is too short is none', async () => {
    const { code, result } = await test('steady', { TARGET: service.url, DURATION: '3s' });
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

describe('a comparison', () => {
  /** Long beside the noise of a busy machine. */
  const DELAY_MS = 250;
  const BRIEF = { ROUNDS: '8', ROUND_DURATION: '2s', RATE: '40', TIME_LIMIT: '2m' };
  /** Statistics on a machine that others use may err now and then, but not three times. */
  const TRIES = { retry: 2, timeout: 400_000 };

  async function compare(settings: Settings): Promise<Ended & { report: ComparisonReport }> {
    const folder = await temporaryFolder();
    const ended = await run(process.execPath, ['dist/loadtest/compare/main.js'], {
      OUT: folder,
      ...settings,
    });
    if (!existsSync(join(folder, 'comparison.json'))) throw new Error(ended.output);
    for (const name of ['comparison.md', 'comparison.html', 'comparison.svg'])
      expect(existsSync(join(folder, name))).toBe(true);
    return { ...ended, report: JSON.parse(await readFile(join(folder, 'comparison.json'), 'utf8')) };
  }

  const latencyCall = ({ verdict }: ComparisonReport): string | undefined => verdict.differences[0]?.call;

  it('calls a server with a fifth more latency slower', TRIES, async () => {
    const BASE = await worsened({ delayMs: DELAY_MS });
    const CANDIDATE = await worsened({ delayMs: DELAY_MS * 1.2 + 1 });
    const { code, report, output } = await compare({ ...BRIEF, BASE, CANDIDATE });
    expect(latencyCall(report), output).toBe('slower');
    expect(report.verdict.outcome).toBe('fail');
    expect(code).toBe(GATE_CROSSED);
  });

  it('calls the same server equal to itself', TRIES, async () => {
    const url = await worsened({ delayMs: DELAY_MS });
    const { code, report, output } = await compare({ ...BRIEF, BASE: url, CANDIDATE: url });
    expect(latencyCall(report), output).toBe('equal');
    expect(report.verdict.outcome).toBe('pass');
    expect(code).toBe(0);
  });

  it('fails a candidate that answers wrongly, however quickly', async () => {
    const CANDIDATE = await worsened({ lieEvery: 20 });
    const { code, report } = await compare({
      BASE: service.url,
      CANDIDATE,
      ROUNDS: '6',
      ROUND_DURATION: '500ms',
      TIME_LIMIT: '1s',
      RATE: '50',
    });
    expect(crossed(report.verdict.gates)).toContain('wrong answers');
    expect(code).toBe(GATE_CROSSED);
  });

  it('has no result where a server answers nothing right, and says so', async () => {
    const settings = {
      BASE: await worsened({ failEvery: 1 }),
      CANDIDATE: service.url,
      OUT: await temporaryFolder(),
    };
    const { code, output } = await run(process.execPath, ['dist/loadtest/compare/main.js'], settings);
    expect(output).toMatch(/nothing was compared/);
    expect(code).toBe(1);
  });

  it.skipIf(!existsSync(join(ROOT, '.git')))(
    'builds a commit beside this checkout, and leaves nothing behind',
    async () => {
      const worktrees = async (): Promise<string> => (await run('git', ['worktree', 'list'], {})).output;
      const before = await worktrees();
      const once = { ROUNDS: '6', ROUND_DURATION: '500ms', TIME_LIMIT: '1s' };
      const { report } = await compare({ BASE: 'HEAD', ...once, RATE: '30' });
      expect(report.candidate).toBe('this checkout');
      expect(report.base).not.toBe(report.candidate);
      expect(report.results.rounds).toHaveLength(6);
      expect(await worktrees()).toBe(before);
    },
  );
});
