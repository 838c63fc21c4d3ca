import { describe, expect, it } from 'vitest';
import { entriesOf, entriesOfSource } from './entries.js';
import type {
  AlertItem,
  Analysis,
  ApplicationItem,
  AutoscalerItem,
  DriftItem,
  Item,
  ModelItem,
  PodItem,
  RetrainingItem,
  RolloutItem,
  SourceState,
} from './items.js';

const AT = '2026-01-15T10:30:00.000Z';

/** A change of an item, and the lines of the timeline, each behind its tone. */
type Case<Kind extends Item> = readonly [
  what: string,
  previous: Partial<Kind> | undefined,
  next: Partial<Kind> | undefined,
  lines: readonly string[],
];

function holds<Kind extends Item>(item: Kind, cases: readonly Case<Kind>[]): void {
  describe(item.kind, () => {
    it.each(cases)('%s', (_, previous, next, lines) => {
      const entries = entriesOf(previous && { ...item, ...previous }, next && { ...item, ...next }, AT);
      expect(entries.map(({ tone, text }) => `${tone}: ${text}`)).toEqual(lines);
      const { id: about, kind, namespace } = item;
      for (const entry of entries) expect(entry).toMatchObject({ at: AT, about, kind, namespace });
    });
  });
}

const named = <const Kind extends string>(kind: Kind, name: string) => ({
  id: `${kind}/it/${name}`,
  kind,
  namespace: 'it',
  name,
});

const application: ApplicationItem = {
  ...named('application', 'production'),
  sync: 'Synced',
  health: 'Healthy',
  target: 'it',
  revision: 'a'.repeat(40),
};
const commit = { author: 'Ada', subject: 'A smaller batch', at: AT };

holds(application, [
  ['comes', undefined, {}, ['neutral: application production was added']],
  ['goes', {}, undefined, ['neutral: application production is gone']],
  ['has nothing new', {}, { target: 'other' }, []],
  [
    'is out of sync with a commit',
    {},
    { sync: 'OutOfSync', revision: 'b'.repeat(40), commit },
    ['neutral: production is out of sync with bbbbbbbbb “A smaller batch” by Ada'],
  ],
  ['is synced', { sync: 'OutOfSync' }, {}, ['good: production is synced to aaaaaaaaa']],
  ['is compared no more', {}, { sync: 'Unknown' }, ['neutral: production cannot be compared']],
  [
    'has a commit that is known later',
    {},
    { commit },
    ['neutral: production: commit aaaaaaaaa “A smaller batch” by Ada'],
  ],
  ['is degraded', {}, { health: 'Degraded' }, ['bad: production is Degraded, it was Healthy']],
  ['is missing', {}, { health: 'Missing' }, ['bad: production is Missing, it was Healthy']],
  ['goes on', {}, { health: 'Progressing' }, ['neutral: production is Progressing, it was Healthy']],
  ['is healthy again', { health: 'Degraded' }, {}, ['good: production is Healthy, it was Degraded']],
  [
    'fails to sync',
    { operation: { phase: 'Running', message: '' } },
    { operation: { phase: 'Failed', message: 'a field is wrong' } },
    ['bad: production: the sync failed: a field is wrong'],
  ],
  ['syncs', {}, { operation: { phase: 'Running', message: 'waiting' } }, []],
]);

const rollout: RolloutItem = {
  ...named('rollout', 'it'),
  phase: 'Healthy',
  message: '',
  steps: ['20 % of the traffic', 'pause 1 m'],
  stepsDone: 2,
  aborted: false,
  weight: 0,
  replicas: { wanted: 2, ready: 2 },
  stable: 'aaa',
  current: 'aaa',
  analyses: [],
};
const canary = { current: 'bbb', stepsDone: 0, phase: 'Progressing' } as const;
const analysis: Analysis = { name: 'rate', phase: 'Running', message: '', metrics: [] };
const analysed = (phase: Analysis['phase'], message = '') => ({
  ...canary,
  analyses: [{ ...analysis, phase, message }],
});

holds(rollout, [
  ['comes', undefined, {}, ['neutral: rollout it was added']],
  ['goes', {}, undefined, ['neutral: rollout it is gone']],
  ['has a version that comes', {}, canary, ['neutral: it: version bbb comes']],
  [
    'takes a step',
    canary,
    { ...canary, stepsDone: 1, weight: 20 },
    [
      'neutral: it: step 1 of 2 is done: 20 % of the traffic',
      'neutral: it: 20 % of the traffic to version bbb',
    ],
  ],
  [
    'pauses',
    canary,
    { ...canary, phase: 'Paused', message: 'CanaryPauseStep' },
    ['neutral: it pauses: CanaryPauseStep'],
  ],
  [
    'is through',
    { ...canary, stepsDone: 2 },
    { current: 'bbb', stable: 'bbb' },
    ['good: it: version bbb is the stable one', 'good: it is healthy'],
  ],
  [
    'is aborted',
    { ...canary, weight: 20 },
    { ...canary, phase: 'Degraded', aborted: true, message: 'too many errors' },
    ['neutral: it: 0 % of the traffic to version bbb', 'bad: it is aborted: too many errors'],
  ],
  [
    'goes back',
    { ...canary, aborted: true, phase: 'Degraded' },
    {},
    ['good: it: back to version aaa', 'good: it is healthy'],
  ],
  ['is degraded', {}, { phase: 'Degraded', message: 'too slow' }, ['bad: it is degraded: too slow']],
  ['waits for an analysis', canary, analysed('Pending'), []],
  ['is analysed', canary, analysed('Running'), ['neutral: it: analysis rate runs']],
  ['passes', analysed('Running'), analysed('Successful'), ['good: it: analysis rate succeeded']],
  [
    'fails its analysis',
    analysed('Running'),
    analysed('Failed', 'twice'),
    ['bad: it: analysis rate failed: twice'],
  ],
  [
    'cannot be analysed',
    analysed('Running'),
    analysed('Error'),
    ['bad: it: analysis rate could not measure'],
  ],
  [
    'is analysed in vain',
    analysed('Running'),
    analysed('Inconclusive'),
    ['bad: it: analysis rate is inconclusive'],
  ],
]);

const pod: PodItem = {
  ...named('pod', 'one'),
  app: 'it',
  phase: 'Running',
  ready: true,
  restarts: 0,
  node: 'node',
  image: 'it:1',
  version: 'aaa',
  createdAt: AT,
};

holds(pod, [
  ['comes', undefined, { phase: 'Pending', ready: false }, ['neutral: pod one was created']],
  ['goes', {}, undefined, ['neutral: pod one is gone']],
  ['becomes ready', { ready: false }, {}, ['good: pod one is ready']],
  ['is ready no more', {}, { ready: false }, ['bad: pod one is not ready any more']],
  ['ends', {}, { phase: 'Terminating', ready: false }, ['neutral: pod one ends']],
  [
    'crashes',
    {},
    { phase: 'CrashLoopBackOff', restarts: 1, ready: false },
    [
      'bad: pod one has restarted, once by now',
      'bad: pod one: CrashLoopBackOff',
      'bad: pod one is not ready any more',
    ],
  ],
  ['restarts', { restarts: 1 }, { restarts: 3 }, ['bad: pod one has restarted, 3 times by now']],
]);

const autoscaler: AutoscalerItem = {
  ...named('autoscaler', 'it'),
  current: 2,
  wanted: 2,
  min: 2,
  max: 10,
  metrics: ['cpu 71 % of 60 %'],
};

holds(autoscaler, [
  ['comes', undefined, {}, ['neutral: autoscaler it was added']],
  ['goes', {}, undefined, ['neutral: autoscaler it is gone']],
  ['wants more', {}, { wanted: 3 }, ['neutral: autoscaler it: 2 → 3 pods (cpu 71 % of 60 %)']],
  [
    'wants, and does not say why',
    {},
    { wanted: 3, metrics: [] },
    ['neutral: autoscaler it: 2 → 3 pods (no metric)'],
  ],
  ['has what it wanted', { wanted: 3 }, { current: 3, wanted: 3 }, []],
  ['may do more', {}, { max: 20 }, ['neutral: autoscaler it: from 2 to 20 pods are allowed']],
]);

const alert: AlertItem = {
  ...named('alert', 'Down'),
  severity: 'critical',
  summary: 'Nothing answers',
  startedAt: AT,
  silenced: false,
};

holds(alert, [
  ['fires', undefined, {}, ['bad: alert Down (critical): Nothing answers']],
  ['fires, silenced', undefined, { silenced: true }, ['neutral: alert Down (critical): Nothing answers']],
  ['ends', {}, undefined, ['good: alert Down has ended']],
  ['is silenced', {}, { silenced: true }, ['neutral: alert Down is silenced']],
  ['is heard again', { silenced: true }, {}, ['neutral: alert Down is not silenced any more']],
  ['says something else', {}, { summary: 'Nothing answers, still' }, []],
]);

const model: ModelItem = {
  ...named('model', 'digits'),
  version: '1.0.0',
  digest: `sha256:${'a'.repeat(64)}`,
  provider: 'cpu',
  pods: 2,
};

holds(model, [
  ['comes', undefined, {}, ['good: pods serve digits 1.0.0 (sha256:aaaaaaaaaaaa, cpu)']],
  ['goes', {}, undefined, ['neutral: no pod serves digits 1.0.0 (sha256:aaaaaaaaaaaa, cpu) any more']],
  ['is served by more pods', {}, { pods: 3 }, []],
]);

const drift: DriftItem = { ...named('drift', 'digits') };
const psi = (value: number, isDrift: boolean) => ({ psi: { value, statistic: 'contrast', isDrift } });

holds(drift, [
  ['comes without drift', undefined, psi(0.1, false), []],
  ['comes with it', undefined, psi(0.3, true), ['bad: digits: the images drift: contrast has a PSI of 0.30']],
  ['begins', psi(0.1, false), psi(0.3, true), ['bad: digits: the images drift: contrast has a PSI of 0.30']],
  ['goes on', psi(0.3, true), psi(0.4, true), []],
  ['ends', psi(0.3, true), psi(0.1, false), ['good: digits: the images no longer drift']],
  ['is not known without images', psi(0.3, true), {}, []],
  ['is not known of what is gone', psi(0.3, true), undefined, []],
]);

const retraining: RetrainingItem = { ...named('retraining', 'it'), decisions: {} };
const decided = (outcome: string, count: number) => ({ decisions: { [outcome]: count } });

holds(retraining, [
  ['decided before anybody looked', undefined, decided('dispatched', 2), []],
  ['asks', decided('dispatched', 0), decided('dispatched', 1), ['neutral: a training was asked for']],
  [
    'asks twice',
    decided('dispatched', 1),
    decided('dispatched', 3),
    ['neutral: a training was asked for, 2 times'],
  ],
  ['asks as never before', {}, decided('dispatched', 1), ['neutral: a training was asked for']],
  [
    'asks after its counter began anew',
    decided('dispatched', 2),
    decided('dispatched', 1),
    ['neutral: a training was asked for'],
  ],
  ['counts from nothing', decided('dispatched', 2), decided('dispatched', 0), []],
  [
    'has no answer',
    decided('unknown', 0),
    decided('unknown', 1),
    ['neutral: a training was asked for; GitHub has not answered yet'],
  ],
  ...(['duplicate', 'cooldown', 'daily_limit', 'in_progress'] as const).map(
    (outcome): Case<RetrainingItem> => [
      `refuses by ${outcome}`,
      decided(outcome, 0),
      decided(outcome, 1),
      [`neutral: a training was wanted, and not asked for: ${outcome.replace('_', ' ')}`],
    ],
  ),
  ...(['failed', 'circuit_open'] as const).map(
    (outcome): Case<RetrainingItem> => [
      `ends by ${outcome}`,
      decided(outcome, 0),
      decided(outcome, 1),
      [`bad: a training was wanted, and not asked for: ${outcome.replace('_', ' ')}`],
    ],
  ),
]);

describe('a source', () => {
  const source = (state: SourceState['state'], reason = ''): SourceState => ({
    name: 'pods',
    state,
    reason,
    since: AT,
  });
  it.each<[string, SourceState | undefined, SourceState, readonly string[]]>([
    ['is lost', source('connected'), source('failed', 'answers 403'), ['bad: pods not seen: answers 403']],
    ['is lost for another reason', source('failed', 'a'), source('failed', 'b'), []],
    ['comes back', source('failed'), source('connected'), ['good: pods seen again']],
    ['is seen at first', source('connecting'), source('connected'), []],
    ['breaks and goes on', source('connected'), source('connecting'), []],
    [
      'has no such kind any more',
      source('connected'),
      source('absent'),
      ['neutral: pods: no such kind any more'],
    ],
    ['has no such kind', undefined, source('absent'), []],
  ])('%s', (_, previous, next, lines) => {
    const entries = entriesOfSource(previous, next);
    expect(entries.map(({ tone, text }) => `${tone}: ${text}`)).toEqual(lines);
  });
});
