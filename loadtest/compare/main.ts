import { exitWith, type Outcome } from '../exit.js';
import type { Measurements } from '../gates.js';
import { targetOf } from '../harness/run.js';
import { identify } from '../identify.js';
import { loadImages } from '../images.js';
import { showProgress } from '../report/progress.js';
import { describeMachine } from '../report/report.js';
import { writeFiles } from '../report/write.js';
import type { Environment } from '../settings.js';
import { readThresholds } from '../thresholds.js';
import { mergeBase } from './commits.js';
import { blocksOf, type ComparisonReport, chartOf, textOf } from './report.js';
import { measure } from './rounds.js';
import { provide } from './servers.js';
import { readCompareSettings } from './settings.js';
import { Undo } from './undo.js';
import { judgeRounds, type Round, type Verdict } from './verdict.js';

async function main(environment: Environment, undo: Undo): Promise<Outcome> {
  const settings = readCompareSettings(environment);
  const thresholds = readThresholds();
  const images = await loadImages(settings.requests.images);
  const start = (wanted: string): ReturnType<typeof provide> =>
    provide(wanted, environment, settings.peerPython, undo);
  const base = await start(settings.base ?? mergeBase());
  const candidate = await start(settings.candidate);
  for (const { url } of [base, candidate]) await identify(url, settings.requests.headers);
  const targets = {
    base: targetOf(base.url, settings.requests, images),
    candidate: targetOf(candidate.url, settings.requests, images),
  };
  const judge = (rounds: readonly Round[], measured: Measurements): Verdict =>
    judgeRounds(rounds, measured, thresholds);
  const isDecided = (rounds: readonly Round[], measured: Measurements): boolean =>
    judge(rounds, measured).outcome !== 'inconclusive';
  const results = await measure(targets, settings, isDecided, showProgress);
  showProgress('');
  const report: ComparisonReport = {
    date: new Date().toISOString(),
    machine: describeMachine(),
    base: base.name,
    candidate: candidate.name,
    images: images.length,
    upload: settings.requests.upload,
    roundSeconds: settings.roundSeconds,
    verdict: judge(results.rounds, results.totals.candidate),
    results,
  };
  const chart = chartOf(report, thresholds.latency_p95_ms);
  const files = await writeFiles(settings.out, 'comparison', report, blocksOf(report, chart), chart);
  console.log(`${textOf(report)}\n\n${files}`);
  return report.verdict.outcome;
}

const undo = new Undo();
exitWith(main(process.env, undo).finally(() => undo.all()));
