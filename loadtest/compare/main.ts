import { exitWith } from '../exit.js';
import { targetOf } from '../harness/run.js';
import { identify } from '../identify.js';
import { loadImages } from '../images.js';
import { showProgress } from '../report/progress.js';
import { describeMachine } from '../report/report.js';
import { writeFiles } from '../report/write.js';
import type { Environment } from '../settings.js';
import { readThresholds } from '../thresholds.js';
import { mergeBase } from './commits.js';
import { type ComparisonReport, chartOf, markdownOf, textOf } from './report.js';
import { measure } from './rounds.js';
import { provide } from './servers.js';
import { readCompareSettings } from './settings.js';
import { Undo } from './undo.js';
import { judgeRounds } from './verdict.js';

/** @returns whether the candidate may take the base's place */
async function main(environment: Environment, undo: Undo): Promise<boolean> {
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
  const results = await measure(targets, settings, showProgress);
  showProgress('');
  const report: ComparisonReport = {
    date: new Date().toISOString(),
    machine: describeMachine(),
    base: base.name,
    candidate: candidate.name,
    images: images.length,
    upload: settings.requests.upload,
    roundSeconds: settings.roundSeconds,
    verdict: judgeRounds(results.rounds, results.totals.candidate, thresholds),
    results,
  };
  const files = await writeFiles(settings.out, {
    'comparison.json': `${JSON.stringify(report, undefined, 2)}\n`,
    'comparison.md': markdownOf(report),
    'comparison.svg': chartOf(report, thresholds.latency_p95_ms),
  });
  console.log(`${textOf(report)}\n\n${files}`);
  return report.verdict.outcome !== 'fail';
}

const undo = new Undo();
exitWith(main(process.env, undo).finally(() => undo.all()));
