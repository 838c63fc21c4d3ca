import type { AutoscalerItem } from '../items.js';
import { type KubernetesObject, keyOf } from '../kubernetes/object.js';
import { count, text } from './text.js';

interface Value {
  readonly averageUtilization?: number;
  readonly averageValue?: string;
  readonly value?: string;
}

interface Source {
  readonly name?: string;
  readonly container?: string;
  readonly metric?: { readonly name?: string };
  readonly target?: Value;
  readonly current?: Value;
}

/** Of a specification, with `target`; or of a status, with `current`. */
type Metric = { readonly type?: string } & Readonly<
  Partial<Record<'resource' | 'containerResource' | 'pods' | 'object' | 'external', Source>>
>;

/** autoscaling/v2 */
export interface Autoscaler extends KubernetesObject {
  readonly spec?: {
    readonly minReplicas?: number;
    readonly maxReplicas?: number;
    readonly metrics?: readonly Metric[];
  };
  readonly status?: {
    readonly currentReplicas?: number;
    readonly desiredReplicas?: number;
    readonly currentMetrics?: readonly (Metric | null)[] | null;
  };
}

const MAX_METRICS = 10;

export function projectAutoscaler(autoscaler: Autoscaler): AutoscalerItem {
  const { metadata, spec, status } = autoscaler;
  const current = status?.currentMetrics ?? [];
  return {
    id: `autoscaler/${keyOf(autoscaler)}`,
    kind: 'autoscaler',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    current: count(status?.currentReplicas),
    wanted: count(status?.desiredReplicas),
    min: spec?.minReplicas ?? 1,
    max: count(spec?.maxReplicas),
    metrics: (spec?.metrics ?? []).slice(0, MAX_METRICS).map((metric) => describe(metric, current)),
  };
}

function describe(metric: Metric, measured: readonly (Metric | null)[]): string {
  const name = nameOf(metric);
  const now = measured.find((each) => each !== null && each.type === metric.type && nameOf(each) === name);
  return text(`${name} ${amount(sourceOf(now)?.current)} of ${amount(sourceOf(metric)?.target)}`);
}

function sourceOf(metric: Metric | null | undefined): Source | undefined {
  return metric?.resource ?? metric?.containerResource ?? metric?.pods ?? metric?.object ?? metric?.external;
}

function nameOf(metric: Metric): string {
  const source = sourceOf(metric);
  return source?.name ?? source?.metric?.name ?? 'unknown';
}

function amount(value: Value | undefined): string {
  if (value?.averageUtilization !== undefined) return `${value.averageUtilization} %`;
  return value?.averageValue ?? value?.value ?? '?';
}
