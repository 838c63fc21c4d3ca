import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { judge } from '../gates.js';
import { SCENARIO_NAMES } from '../scenarios.js';
import { readSettings } from '../settings.js';
import { readThresholds } from '../thresholds.js';
import { k6Options } from './options.js';
import { measurementsOf } from './summary.js';

const ROOT = join(import.meta.dirname, '../..');
const thresholds = readThresholds();

describe('the scripts of k6', () => {
  it('are one for each scenario', () => {
    const scripts = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.js'));
    expect(scripts.sort()).toEqual([...SCENARIO_NAMES, 'predict'].map((name) => `${name}.js`).sort());
  });

  it('reach only files that k6 can read: nothing of Node, and named as they are', () => {
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      const source = readFileSync(join(ROOT, file), 'utf8');
      for (const [, isType, target = ''] of source.matchAll(
        /(?:import|export)\s+(type\s)?[^;'"]*?from\s+'([^']+)'/g,
      )) {
        if (isType !== undefined || /^k6(\/|$)/.test(target)) continue;
        expect(target, file).toMatch(/^\.{1,2}\/.*\.(ts|js)$/);
        visit(normalize(join(dirname(file), target)));
      }
    };
    for (const name of SCENARIO_NAMES) visit(`loadtest/k6/${name}.js`);
    expect(seen.size).toBeGreaterThan(8);
  });
});

describe('the options of k6', () => {
  it('are a constant arrival rate', () => {
    expect(k6Options(readSettings({ RATE: '7', DURATION: '90s', VUS: '3' }), thresholds)).toMatchObject({
      scenarios: {
        steady: {
          executor: 'constant-arrival-rate',
          exec: 'predict',
          rate: 7,
          timeUnit: '1s',
          duration: '90s',
          preAllocatedVUs: 3,
          maxVUs: 3,
        },
      },
    });
  });

  it('are a ramp for the spike', () => {
    expect(k6Options(readSettings({}, 'spike'), thresholds)).toMatchObject({
      scenarios: {
        spike: {
          executor: 'ramping-arrival-rate',
          startRate: 12,
          stages: [
            { target: 12, duration: '18s' },
            { target: 60, duration: '3s' },
            { target: 60, duration: '18s' },
            { target: 12, duration: '3s' },
            { target: 12, duration: '18s' },
          ],
        },
      },
    });
  });
});

describe('the summary of k6', () => {
  const metric = (
    values: Readonly<Record<string, number>>,
  ): { values: Readonly<Record<string, number>> } => ({ values });

  it('is judged by the same gates', () => {
    const metrics = {
      'http_reqs{scenario:steady}': metric({ count: 1000 }),
      'http_req_failed{scenario:steady}': metric({ rate: 0.005, passes: 5, fails: 995 }),
      'http_req_duration{scenario:steady,expected_response:true}': metric({ 'p(95)': 20, 'p(99)': 40 }),
      wrong_answers: metric({ count: 2 }),
      dropped_iterations: metric({ count: 1 }),
    };
    const measured = measurementsOf({ metrics }, 'steady');
    expect(measured).toEqual({
      requests: 1000,
      errors: 5,
      wrongAnswers: 2,
      dropped: 1,
      p95Ms: 20,
      p99Ms: 40,
    });
  });

  it('of an empty run passes nothing that must be shown', () => {
    const failed = judge(measurementsOf({ metrics: {} }, 'steady'), thresholds).filter(
      ({ passed }) => !passed,
    );
    expect(failed.map(({ name }) => name)).toEqual(['latency p95', 'latency p99', 'errors', 'requests']);
  });
});
