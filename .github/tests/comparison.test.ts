import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ComparisonReport } from '../../loadtest/compare/report.js';
import {
  crossed,
  type Ended,
  GATE_CROSSED,
  ROOT,
  run,
  type Settings,
  serviceUnderLoad,
  temporaryFolder,
} from './support/load.js';

const service = serviceUnderLoad();

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
    const BASE = await service.worsened({ delayMs: DELAY_MS });
    const CANDIDATE = await service.worsened({ delayMs: DELAY_MS * 1.2 + 1 });
    const { code, report, output } = await compare({ ...BRIEF, BASE, CANDIDATE });
    expect(latencyCall(report), output).toBe('slower');
    expect(report.verdict.outcome).toBe('fail');
    expect(code).toBe(GATE_CROSSED);
  });

  it('calls the same server equal to itself', TRIES, async () => {
    const url = await service.worsened({ delayMs: DELAY_MS });
    const { code, report, output } = await compare({ ...BRIEF, BASE: url, CANDIDATE: url });
    expect(latencyCall(report), output).toBe('equal');
    expect(report.verdict.outcome).toBe('pass');
    expect(code).toBe(0);
  });

  it('fails a candidate that answers wrongly, however quickly', async () => {
    const CANDIDATE = await service.worsened({ lieEvery: 20 });
    const { code, report } = await compare({
      BASE: service.url(),
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
      BASE: await service.worsened({ failEvery: 1 }),
      CANDIDATE: service.url(),
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
