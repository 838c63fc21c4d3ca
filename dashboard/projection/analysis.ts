import type { Analysis } from '../items.js';
import type { KubernetesObject } from '../kubernetes/object.js';
import { count, oneOf, text } from './text.js';

/** argoproj.io/v1alpha1 */
export interface AnalysisRun extends KubernetesObject {
  readonly status?: {
    readonly phase?: string;
    readonly message?: string;
    readonly metricResults?: readonly {
      readonly name: string;
      readonly phase?: string;
      readonly count?: number;
      readonly failed?: number;
      readonly measurements?: readonly { readonly value?: string }[];
    }[];
  };
}

/** An analysis, and which version of which rollout it judges. */
export interface OwnedAnalysis {
  readonly rollout: string;
  readonly version: string;
  readonly createdAt: string;
  readonly analysis: Analysis;
}

const MAX_METRICS = 20;

/** Undefined for one that no rollout has started. */
export function projectAnalysis({ metadata, status }: AnalysisRun): OwnedAnalysis | undefined {
  const owner = metadata.ownerReferences?.find(({ kind }) => kind === 'Rollout');
  if (owner === undefined) return undefined;
  return {
    rollout: owner.name,
    version: text(metadata.labels?.['rollouts-pod-template-hash']),
    createdAt: text(metadata.creationTimestamp),
    analysis: {
      name: metadata.name,
      phase: oneOf(status?.phase, ['Running', 'Successful', 'Failed', 'Error', 'Inconclusive', 'Pending']),
      message: text(status?.message),
      metrics: (status?.metricResults ?? []).slice(0, MAX_METRICS).map((metric) => ({
        name: text(metric.name),
        phase: text(metric.phase),
        value: text(metric.measurements?.at(-1)?.value, 60),
        failed: count(metric.failed),
        measured: count(metric.count),
      })),
    },
  };
}
