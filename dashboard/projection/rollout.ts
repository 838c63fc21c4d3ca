import type { RolloutItem } from '../items.js';
import { type KubernetesObject, keyOf } from '../kubernetes/object.js';
import type { OwnedAnalysis } from './analysis.js';
import { count, oneOf, text } from './text.js';

interface Step {
  readonly setWeight?: number;
  readonly pause?: { readonly duration?: string | number };
  readonly analysis?: { readonly templates?: readonly { readonly templateName?: string }[] };
  readonly setCanaryScale?: { readonly replicas?: number; readonly weight?: number };
  readonly experiment?: unknown;
  readonly setHeaderRoute?: { readonly name?: string };
  readonly setMirrorRoute?: { readonly name?: string };
  readonly plugin?: { readonly name?: string };
}

/** argoproj.io/v1alpha1 */
export interface Rollout extends KubernetesObject {
  readonly spec?: {
    readonly replicas?: number;
    readonly strategy?: { readonly canary?: { readonly steps?: readonly Step[] } };
  };
  readonly status?: {
    readonly phase?: string;
    readonly message?: string;
    readonly abort?: boolean;
    readonly currentStepIndex?: number;
    readonly currentPodHash?: string;
    readonly stableRS?: string;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly canary?: { readonly weights?: { readonly canary?: { readonly weight?: number } } };
  };
}

const MAX_STEPS = 50;
const MAX_ANALYSES = 10;

/** @param owned the analyses of the rollout, those of older versions among them */
export function projectRollout(rollout: Rollout, owned: readonly OwnedAnalysis[]): RolloutItem {
  const { metadata, spec, status } = rollout;
  const steps = spec?.strategy?.canary?.steps ?? [];
  const stable = text(status?.stableRS);
  const current = text(status?.currentPodHash) || stable;
  return {
    id: `rollout/${keyOf(rollout)}`,
    kind: 'rollout',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    phase: oneOf(status?.phase, ['Healthy', 'Paused', 'Degraded', 'Progressing']),
    message: text(status?.message),
    steps: steps.slice(0, MAX_STEPS).map(describe),
    stepsDone: Math.min(count(status?.currentStepIndex), steps.length, MAX_STEPS),
    aborted: status?.abort === true,
    weight: current === stable ? 0 : weightOf(status),
    replicas: { wanted: spec?.replicas ?? 1, ready: count(status?.readyReplicas) },
    stable,
    current,
    analyses: owned
      .filter(({ version }) => version === current)
      .toSorted(
        (a, b) => a.createdAt.localeCompare(b.createdAt) || a.analysis.name.localeCompare(b.analysis.name),
      )
      .slice(-MAX_ANALYSES)
      .map(({ analysis }) => analysis),
  };
}

function describe(step: Step): string {
  if (step.setWeight !== undefined) return `${step.setWeight} % of the traffic`;
  if (step.pause !== undefined) return pauseOf(step.pause.duration);
  if (step.analysis !== undefined) {
    const names = step.analysis.templates?.map(({ templateName }) => templateName) ?? [];
    return text(`analysis ${names.join(', ')}`.trim());
  }
  if (step.setCanaryScale !== undefined) {
    const { replicas, weight } = step.setCanaryScale;
    if (replicas !== undefined) return `${replicas} pods`;
    return weight === undefined ? 'pods as the traffic' : `${weight} % of the pods`;
  }
  const route = step.setHeaderRoute ?? step.setMirrorRoute;
  if (route !== undefined) return text(`route ${route.name ?? ''}`.trim());
  if (step.plugin !== undefined) return text(`plugin ${step.plugin.name ?? ''}`.trim());
  return step.experiment === undefined ? 'a step' : 'experiment';
}

/** @param duration such as 30, "30", "30s", "1m" or "2h"; none: until somebody promotes */
function pauseOf(duration: string | number | undefined): string {
  if (duration === undefined) return 'pause until promoted';
  const [, value, unit] = /^(\d+)([smh]?)$/.exec(String(duration)) ?? [];
  return text(value === undefined ? `pause ${duration}` : `pause ${value} ${unit || 's'}`);
}

/** What the gateway was told; without one the share of the pods, since each gets as many requests as another. */
function weightOf(status: Rollout['status']): number {
  const weight = status?.canary?.weights?.canary?.weight;
  if (weight !== undefined) return count(weight);
  const all = count(status?.replicas);
  return all === 0 ? 0 : Math.min(100, Math.round((100 * count(status?.updatedReplicas)) / all));
}
