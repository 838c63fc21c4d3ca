import type { DriftItem, ModelItem, RetrainingItem } from '../items.js';
import { text } from '../projection/text.js';
import { getJson } from './get-json.js';

/** One value of an instant query. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What is asked, by the name of what it tells. Of images alone: what answers look like is its own rule. */
export interface Measured {
  readonly models: readonly Sample[];
  readonly psi: readonly Sample[];
  readonly accuracy: readonly Sample[];
  readonly decisions: readonly Sample[];
}

const MAX_SAMPLES = 500;
/** As in the alert CvInferenceInputDrift: of fewer images in the window a PSI is chance. */
export const DRIFT_PSI = 0.25;
export const DRIFT_IMAGES = 500;

/** Each groups by the labels that are read of its answer. */
export function queriesFor(namespaces: readonly string[]): Readonly<Record<keyof Measured, string>> {
  const selector = `{namespace=~"${namespaces.join('|')}"}`;
  return {
    models: `count by (namespace, name, version, digest, provider) (cv_model_info${selector})`,
    psi: `max by (namespace, model, feature) (cv:input_psi:1h${selector} and on (namespace, model) cv:window_images:1h${selector} >= ${DRIFT_IMAGES})`,
    accuracy: `max by (namespace, model) (cv:accuracy:1h${selector})`,
    decisions: `sum by (namespace, outcome) (cv_bridge_decisions_total${selector})`,
  };
}

export async function measure(
  url: string,
  namespaces: readonly string[],
  stop: AbortSignal,
): Promise<Measured> {
  const asked = Object.entries(queriesFor(namespaces)).map(async ([name, query]) => {
    return [name, await instant(url, query, stop)] as const;
  });
  return Object.fromEntries(await Promise.all(asked)) as unknown as Measured;
}

async function instant(url: string, query: string, stop: AbortSignal): Promise<Sample[]> {
  const { data } = (await getJson({
    url: `${url}/api/v1/query?${new URLSearchParams({ query })}`,
    stop,
  })) as {
    readonly data?: { readonly result?: readonly { metric: Sample['metric']; value: [number, string] }[] };
  };
  if (!Array.isArray(data?.result)) throw new Error('answers no result of a query');
  const samples = data.result
    .slice(0, MAX_SAMPLES)
    .map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  return samples.filter(({ value }) => Number.isFinite(value));
}

export function projectModels({ models }: Measured): ModelItem[] {
  return models.map(({ metric, value }) => {
    const [namespace, name, version, digest, provider] = [
      'namespace',
      'name',
      'version',
      'digest',
      'provider',
    ].map((label) => text(metric[label])) as [string, string, string, string, string];
    const id = `model/${namespace}/${name}-${version}-${digest}-${provider}`;
    return { id, kind: 'model', namespace, name, version, digest, provider, pods: value };
  });
}

/** One for each model of which the rules of the component `drift` tell something. */
export function projectDrift({ psi, accuracy }: Measured): DriftItem[] {
  const models = new Map([...psi, ...accuracy].map((sample) => [modelOf(sample), sample.metric]));
  return [...models].map(([model, metric]) => {
    const worst = psi.filter((sample) => modelOf(sample) === model).toSorted((a, b) => b.value - a.value)[0];
    const judged = accuracy.find((sample) => modelOf(sample) === model)?.value;
    return {
      id: `drift/${model}`,
      kind: 'drift',
      namespace: text(metric['namespace']),
      name: text(metric['model']),
      ...(worst !== undefined && { psi: psiOf(worst) }),
      ...(judged !== undefined && { accuracy: rounded(judged) }),
    };
  });
}

function modelOf({ metric }: Sample): string {
  return `${text(metric['namespace'])}/${text(metric['model'])}`;
}

function psiOf({ metric, value }: Sample): NonNullable<DriftItem['psi']> {
  return { value: rounded(value), statistic: text(metric['feature']), isDrift: value > DRIFT_PSI };
}

/** One for each namespace in which the component `retraining` decides. */
export function projectRetraining({ decisions }: Measured): RetrainingItem[] {
  const namespaces = new Set(decisions.map(({ metric }) => text(metric['namespace'])));
  return [...namespaces].map((namespace) => ({
    id: `retraining/${namespace}`,
    kind: 'retraining',
    namespace,
    name: namespace,
    decisions: Object.fromEntries(
      decisions
        .filter(({ metric }) => metric['namespace'] === namespace)
        .map(({ metric, value }) => [text(metric['outcome']), value]),
    ),
  }));
}

/** What a person can tell apart: fewer changes to send. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
