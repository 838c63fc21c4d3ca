// What the scenarios share. Needs k6 1.0 or newer, which reads TypeScript: k6 run loadtest/k6/steady.js
import { check, fail } from 'k6';
import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';
import { contentTypeOf, goldenImages, isRight } from '../answers.ts';
import { judge, passed, WRONG_ANSWERS } from '../gates.ts';
import { columns, gateTable, milliseconds } from '../report/figures.ts';
import { parseServerTiming, STAGES } from '../server-timing.ts';
import { readSettings } from '../settings.ts';
import { k6Options } from './options.ts';
import { measurementsOf } from './summary.ts';

const thresholds = JSON.parse(open('../thresholds.json'));
const wrongAnswers = new Counter(WRONG_ANSWERS);
const stageTrends = Object.fromEntries(STAGES.map((stage) => [stage, new Trend(`stage_${stage}`, true)]));
http.setResponseCallback(http.expectedStatuses(200));

/** What a script exports to k6. */
export function scenarioOf(name) {
  const settings = readSettings(__ENV, name);
  const images = readImages(settings.requests);
  return {
    options: k6Options(settings, thresholds),
    setup: () => expectAnyone(settings),
    predict: () => postNext(settings, images),
    handleSummary: (data) => report(data, settings),
  };
}

/** Relative to the repository, as in the harness; only golden images: k6 cannot list a folder. */
function readImages({ images, upload }) {
  const folder = images.startsWith('/') ? images : `../../${images}`;
  return goldenImages(open(`${folder}/model.json`)).map(({ file, label }) => {
    const type = contentTypeOf(file);
    const bytes = open(`${folder}/${file}`, 'b');
    const name = file.slice(file.lastIndexOf('/') + 1);
    return {
      name,
      label,
      body: upload === 'raw' ? bytes : { file: http.file(bytes, name, type) },
      headers: upload === 'raw' ? { 'Content-Type': type } : {},
    };
  });
}

function expectAnyone({ target, requests }) {
  const response = http.get(`${target}/model`, { headers: requests.headers, timeout: '5s' });
  if (response.status === 0) fail(`nobody answers at ${target}: ${response.error}`);
}

function postNext({ target, requests }, images) {
  const image = images[(__VU + __ITER) % images.length];
  const response = http.post(`${target}/predict`, image.body, {
    headers: { ...requests.headers, ...image.headers },
    timeout: `${requests.timeoutSeconds}s`,
    tags: { name: 'predict' },
  });
  if (!check(response, { 'status is 200': ({ status }) => status === 200 })) return;
  const right = check(response, { 'label is right': ({ body }) => isRight(body, image.label) });
  wrongAnswers.add(right ? 0 : 1);
  for (const [stage, ms] of Object.entries(parseServerTiming(response.headers['Server-Timing']))) {
    stageTrends[stage].add(ms);
  }
}

function report(data, settings) {
  const gates = judge(measurementsOf(data, settings.scenario), thresholds);
  const result = {
    date: new Date().toISOString(),
    generator: 'k6',
    target: settings.target,
    load: { scenario: settings.scenario, rate: settings.rate, seconds: settings.seconds, vus: settings.vus },
    passed: passed(gates),
    gates,
    metrics: data.metrics,
  };
  const text = `${settings.scenario}: ${settings.target}\n\n${gateTable(gates)}\n\n${stageTable(data)}\n\n${result.passed ? 'PASSED' : 'FAILED'}\n`;
  return { stdout: text, [`${settings.out}/k6-${settings.scenario}.json`]: JSON.stringify(result, null, 2) };
}

function stageTable({ metrics }) {
  const row = (name, metric) => {
    const values = metrics[metric]?.values ?? {};
    return [name, ...['med', 'p(95)', 'p(99)', 'max'].map((statistic) => milliseconds(values[statistic]))];
  };
  return columns([
    ['time', 'p50', 'p95', 'p99', 'max'],
    ...STAGES.filter((stage) => `stage_${stage}` in metrics).map((stage) => row(stage, `stage_${stage}`)),
    row('in all', 'http_req_duration{expected_response:true}'),
  ]);
}
