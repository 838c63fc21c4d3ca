import { exitWith, type Outcome } from './exit.js';
import { ArrivalPace } from './harness/pace.js';
import { fire, targetOf } from './harness/run.js';
import { identify } from './identify.js';
import { askedOf, loadImages } from './images.js';
import { showProgress } from './report/progress.js';
import { reportOf } from './report/report.js';
import { textOf } from './report/text.js';
import { writeReport } from './report/write.js';
import { type Environment, readSettings } from './settings.js';
import { readThresholds } from './thresholds.js';

async function main(environment: Environment): Promise<Outcome> {
  const settings = readSettings(environment);
  const thresholds = readThresholds();
  const golden = await loadImages(settings.requests.images);
  const served = await identify(settings.target, settings.requests.headers);
  const images = askedOf(served?.name, golden);
  const target = targetOf(settings.target, settings.requests, images);
  const run = await fire(target, new ArrivalPace(settings.stages), settings.vus, {
    abort: thresholds,
    progress: (seconds, answered, errors) =>
      showProgress(`${seconds.toFixed(0)} of ${settings.seconds} s: ${answered} answered, ${errors} failed`),
  });
  showProgress('');
  const model = served && `${served.name} ${served.version}`;
  const report = reportOf(run, { settings, thresholds, model, images: images.length });
  const files = await writeReport(settings.out, report, thresholds.latency_p95_ms);
  console.log(`${textOf(report)}\n\n${files}`);
  return report.passed ? 'pass' : 'fail';
}

exitWith(main(process.env));
