import { describe, expect, it } from 'vitest';
import { projectAlert } from '../sources/alertmanager.js';
import { projectCommit } from '../sources/commits.js';
import { projectApplication } from './application.js';
import { projectAutoscaler } from './autoscaler.js';
import { type Pod, projectPod } from './pod.js';
import { projectRollout, type Rollout } from './rollout.js';

const metadata = { name: 'it', namespace: 'there' };
const waiting = (reason: string) => ({ state: { waiting: { reason } } });
const ended = (exitCode: number, reason?: string) => ({
  state: { terminated: { exitCode, ...(reason !== undefined && { reason }) } },
});

describe('a pod is in the phase that people know it by:', () => {
  it.each<[string, Partial<Pod['status']> & object]>([
    ['Pending', {}],
    ['Running', { phase: 'Running', containerStatuses: [{ state: {} }] }],
    ['Evicted', { phase: 'Failed', reason: 'Evicted' }],
    ['CrashLoopBackOff', { phase: 'Running', containerStatuses: [waiting('CrashLoopBackOff')] }],
    ['OOMKilled', { phase: 'Running', containerStatuses: [ended(137, 'OOMKilled')] }],
    ['Error', { phase: 'Running', containerStatuses: [ended(1)] }],
    ['Running', { phase: 'Running', containerStatuses: [ended(0, 'Completed')] }],
    ['Pending', { phase: 'Pending', containerStatuses: [waiting('PodInitializing')] }],
    [
      'Init:ErrImagePull',
      {
        phase: 'Pending',
        initContainerStatuses: [waiting('ErrImagePull')],
        containerStatuses: [waiting('PodInitializing')],
      },
    ],
  ])('%s', (phase, status) => {
    expect(projectPod({ metadata, status }).phase).toBe(phase);
  });

  it('Terminating, whatever else', () => {
    const deletionTimestamp = '2026-01-15T10:30:00Z';
    const status = { phase: 'Running', containerStatuses: [waiting('CrashLoopBackOff')] };
    expect(projectPod({ metadata: { ...metadata, deletionTimestamp }, status }).phase).toBe('Terminating');
  });
});

describe('a rollout', () => {
  const stepsOf = (...steps: object[]) =>
    projectRollout({ metadata, spec: { strategy: { canary: { steps } } } } as Rollout, []).steps;

  it('has its steps in words, strange ones too', () => {
    expect(
      stepsOf(
        { setWeight: 20 },
        { pause: {} },
        { pause: { duration: '1m' } },
        { pause: { duration: 30 } },
        { pause: { duration: 'soon' } },
        { analysis: { templates: [{ templateName: 'a' }, { templateName: 'b' }] } },
        { setCanaryScale: { replicas: 2 } },
        { setCanaryScale: { matchTrafficWeight: true } },
        { setHeaderRoute: { name: 'header' } },
        { experiment: {} },
        {},
      ),
    ).toEqual([
      '20 % of the traffic',
      'pause until promoted',
      'pause 1 m',
      'pause 30 s',
      'pause soon',
      'analysis a, b',
      '2 pods',
      'pods as the traffic',
      'route header',
      'experiment',
      'a step',
    ]);
  });

  it.each([
    [
      'nothing while no version comes',
      { stableRS: 'a', currentPodHash: 'a', replicas: 2, updatedReplicas: 2 },
      0,
    ],
    [
      'what the gateway was told',
      { stableRS: 'a', currentPodHash: 'b', canary: { weights: { canary: { weight: 5 } } } },
      5,
    ],
    [
      'the share of the pods without a gateway',
      { stableRS: 'a', currentPodHash: 'b', replicas: 3, updatedReplicas: 1 },
      33,
    ],
    ['nothing where there are no pods', { stableRS: 'a', currentPodHash: 'b' }, 0],
  ])('gives the version that comes %s', (_, status, weight) => {
    expect(projectRollout({ metadata, status }, []).weight).toBe(weight);
  });

  it('shows the analyses of the version that comes alone, oldest first', () => {
    const analysis = (name: string, version: string, createdAt: string) => ({
      rollout: 'it',
      version,
      createdAt,
      analysis: { name, phase: 'Running' as const, message: '', metrics: [] },
    });
    const owned = [analysis('late', 'b', '2'), analysis('early', 'b', '1'), analysis('of before', 'a', '0')];
    const { analyses } = projectRollout({ metadata, status: { stableRS: 'a', currentPodHash: 'b' } }, owned);
    expect(analyses.map(({ name }) => name)).toEqual(['early', 'late']);
  });
});

it('an autoscaler says what it scales by, before it has measured too', () => {
  const spec = {
    maxReplicas: 5,
    metrics: [
      { type: 'Resource', resource: { name: 'cpu', target: { averageUtilization: 60 } } },
      { type: 'External', external: { metric: { name: 'in_flight' }, target: { averageValue: '8' } } },
    ],
  };
  const currentMetrics = [
    { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 71 } } },
    null,
  ];
  expect(projectAutoscaler({ metadata, spec, status: { currentMetrics } })).toMatchObject({
    min: 1,
    max: 5,
    metrics: ['cpu 71 % of 60 %', 'in_flight ? of 8'],
  });
  expect(projectAutoscaler({ metadata, spec, status: { currentMetrics: null } }).metrics[0]).toBe(
    'cpu ? of 60 %',
  );
});

describe('an application', () => {
  it('leads to its namespace, and says on which cluster where that is another', () => {
    const target = (destination: object) => projectApplication({ metadata, spec: { destination } }).target;
    expect(target({ server: 'https://kubernetes.default.svc', namespace: 'one' })).toBe('one');
    expect(target({ name: 'in-cluster', namespace: 'one' })).toBe('one');
    expect(target({ server: 'https://elsewhere', namespace: 'one' })).toBe('one on https://elsewhere');
  });

  it('has an operation only where that did not go through', () => {
    const operation = (phase: string) =>
      projectApplication({ metadata, status: { operationState: { phase, message: 'because' } } }).operation;
    expect(operation('Succeeded')).toBeUndefined();
    expect(operation('Failed')).toEqual({ phase: 'Failed', message: 'because' });
  });

  it('that was never compared is unknown, and so is a state of tomorrow', () => {
    expect(projectApplication({ metadata })).toMatchObject({
      sync: 'Unknown',
      health: 'Unknown',
      revision: '',
    });
    expect(projectApplication({ metadata, status: { health: { status: 'Excellent' } } }).health).toBe(
      'Unknown',
    );
  });
});

it('text of others is cut, and links lead to the web alone', () => {
  const alert = (annotations: Readonly<Record<string, string>>) =>
    projectAlert({
      fingerprint: 'f',
      startsAt: '2026-01-15T10:30:00Z',
      labels: { alertname: 'it', namespace: 'there' },
      annotations,
      status: { silencedBy: [] },
    });
  expect(alert({ summary: 'x'.repeat(10_000) }).summary).toHaveLength(300);
  expect(alert({ runbook_url: 'javascript:alert(1)' })).not.toHaveProperty('runbook');
  expect(alert({ runbook_url: 'https://example.com' })).toHaveProperty('runbook', 'https://example.com');
});

it('a commit has the first line, and its author without the address', () => {
  expect(projectCommit({ author: 'Ada <ada@example.com>', message: 'One\n\ntwo' })).toEqual({
    author: 'Ada',
    subject: 'One',
    at: '',
  });
  expect(projectCommit({})).toEqual({ author: '', subject: '', at: '' });
});
