// Prints prometheus-rule.yaml, made of the objectives below: `npm run rules` writes it. Why these objectives and windows:
// docs/decisions/0008-objectives-and-alerts.md
import { stringify } from 'yaml';

/** Requests are counted by `all`, and either the `bad` or the `good` ones among them: metric and labels. */
const OBJECTIVES = [
  {
    alert: 'CvInferenceErrorBudgetBurn',
    summary: 'Too many requests fail',
    says: 'of the requests to predict in {{ $labels.namespace }} were answered 5xx',
    targetPercent: 99,
    series: { share: 'cv_failures_per_requests', count: 'cv_failures' },
    all: ['cv_http_requests_total', 'route=~"/predict(/batch)?",status!="499"'],
    bad: ['cv_http_requests_total', 'route=~"/predict(/batch)?",status=~"5.."'],
  },
  {
    alert: 'CvInferenceLatencyBudgetBurn',
    summary: 'Too many predictions are slow',
    says: 'of the successful predictions in {{ $labels.namespace }} took longer than 500 ms',
    targetPercent: 95,
    series: { share: 'cv_slow_per_predictions', count: 'cv_slow' },
    all: ['cv_http_request_duration_seconds_count', 'route="/predict",status="200"'],
    good: ['cv_http_request_duration_seconds_bucket', 'route="/predict",status="200",le="0.5"'],
  },
];
const BUDGET_DAYS = 30;
/** A burn of 1 uses the budget up in its days. Both windows must burn that fast, and the long one hold so many failures. */
const BURNS = [
  { burn: 14.4, long: '1h', short: '5m', for: '2m', severity: 'critical' },
  { burn: 6, long: '6h', short: '30m', for: '15m', severity: 'critical' },
  { burn: 3, long: '1d', short: '2h', for: '1h', severity: 'warning' },
  { burn: 1, long: '3d', short: '6h', for: '3h', severity: 'warning' },
];
const FEWEST = 10;
const RUNBOOKS = 'https://github.com/cv-inference/cv-inference/blob/main/docs/runbooks';
/** In the first selector of each expression alone, where kustomization.yaml writes the overlay's. */
const NAMESPACE = 'namespace="cv-inference"';

const sum = (operation, [metric, labels], window, first = '') =>
  `sum by (namespace) (${operation}(${metric}{${first && `${first},`}${labels}}[${window}]))`;

function share({ all, bad, good }, window) {
  const part = sum('rate', good ?? bad, window, NAMESPACE);
  return `${good ? '1 - ' : ''}${part}\n/ ${sum('rate', all, window)}\n`;
}

function count({ all, bad, good }, window) {
  if (bad) return sum('increase', bad, window, NAMESPACE);
  return `${sum('increase', all, window, NAMESPACE)}\n- ${sum('increase', good, window)}\n`;
}

const shareName = ({ series }, window) => `namespace:${series.share}:ratio_rate${window}`;
const countName = ({ series }, window) => `namespace:${series.count}:increase${window}`;

function recordsOf(objective) {
  const longs = BURNS.map(({ long }) => long);
  const windows = [...new Set(BURNS.flatMap(({ short, long }) => [short, long]))];
  return [
    ...windows.map((window) => ({ record: shareName(objective, window), expr: share(objective, window) })),
    ...longs.map((window) => ({ record: countName(objective, window), expr: count(objective, window) })),
  ];
}

function alertsOf(objective) {
  const { alert, summary, says, targetPercent } = objective;
  const allowedPercent = 100 - targetPercent;
  return BURNS.map(({ burn, long, short, severity, ...held }) => ({
    alert,
    expr: [
      `${shareName(objective, long)}{${NAMESPACE}} > ${burn} * ${allowedPercent / 100}`,
      `and ${shareName(objective, short)} > ${burn} * ${allowedPercent / 100}`,
      `and ${countName(objective, long)} >= ${FEWEST}\n`,
    ].join('\n'),
    ...held,
    labels: { severity, long, short },
    annotations: {
      summary,
      description:
        `{{ $value | humanizePercentage }} ${says} over ${long}; ${allowedPercent} % is the objective. ` +
        `At this rate the budget of ${BUDGET_DAYS} days is gone in ${Math.round(BUDGET_DAYS / burn)} days.`,
      runbook_url: `${RUNBOOKS}/${alert}.md`,
    },
  }));
}

const rule = {
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'PrometheusRule',
  metadata: {
    name: 'cv-inference-objectives',
    labels: {
      'app.kubernetes.io/name': 'cv-inference',
      'app.kubernetes.io/part-of': 'cv-inference',
      release: 'kube-prometheus-stack',
    },
  },
  spec: {
    groups: [
      { name: 'cv-inference.objectives', rules: OBJECTIVES.flatMap(recordsOf) },
      { name: 'cv-inference.budgets', rules: OBJECTIVES.flatMap(alertsOf) },
    ],
  },
};
process.stdout.write(
  `# Written by npm run rules from objectives.mjs: change that.\n${stringify(rule, { lineWidth: 0 })}`,
);
