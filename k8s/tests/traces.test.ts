import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { predict } from '../../service/test/support/answers.js';
import { plainPng } from '../../service/test/support/images.js';
import { meanColourModel } from '../../service/test/support/models.js';
import { OtlpCollector, type ReceivedSpan } from '../../service/test/support/otlp-collector.js';
import { ROOT, substitute } from './support/expressions.js';
import { LiveCluster } from './support/live-cluster.js';
import { containersOf, podsOf } from './support/pods.js';
import { renderKustomization } from './support/render.js';
import type { TimeSeriesDatabase } from './support/time-series.js';
import { absent } from './support/tools.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const NAMESPACE = 'cv-inference-production';
const POD = 'cv-inference-6d4cf56db6-x2x4z';

interface Target {
  readonly expr: string;
  readonly exemplar?: boolean;
}

interface Panel {
  readonly targets?: readonly Target[];
  readonly fieldConfig?: { readonly defaults: { readonly links?: readonly { readonly url: string }[] } };
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string }[] };
}

/** What Grafana opens: the state of its page Explore. */
interface Panes {
  readonly [pane: string]: {
    readonly datasource: string;
    readonly queries: readonly {
      readonly datasource: { readonly type: string; readonly uid: string };
      readonly queryType: string;
      readonly query: string;
    }[];
    readonly range: { readonly from: string; readonly to: string };
  };
}

interface KubePrometheusStack {
  readonly spec: {
    readonly source: {
      readonly helm: {
        readonly valuesObject: {
          readonly grafana: {
            readonly sidecar: {
              readonly datasources: {
                readonly exemplarTraceIdDestinations: {
                  readonly datasourceUid: string;
                  readonly traceIdLabelName: string;
                };
              };
            };
          };
          readonly prometheus: { readonly prometheusSpec: { readonly enableFeatures: readonly string[] } };
        };
      };
    };
  };
}

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const dashboard = JSON.parse(read('k8s/components/dashboard/dashboards/cv-inference.json')) as Dashboard;
const { valuesObject } = (parse(read('argocd/platform/kube-prometheus-stack.yaml')) as KubePrometheusStack)
  .spec.source.helm;
const destination = valuesObject.grafana.sidecar.datasources.exemplarTraceIdDestinations;
const exemplarExpressions = dashboard.panels.flatMap(({ targets = [] }) =>
  targets.flatMap(({ expr, exemplar }) => (exemplar === true ? [expr] : [])),
);

/** What Grafana fills in by itself: https://grafana.com/docs/grafana/latest/visualizations/dashboards/variables/ */
function valuesOf(seconds: number): Readonly<Record<string, string>> {
  return {
    traces: destination.datasourceUid,
    namespace: NAMESPACE,
    '__value.raw': String(seconds),
    __from: '1700000000000',
    __to: '1700000600000',
  };
}

/** Follows the link of a point, as Grafana does: each variable by its value, encoded. */
function follow(url: string, seconds: number): URL {
  const values = valuesOf(seconds);
  const filled = url.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`Grafana knows no ${name}`);
    return encodeURIComponent(value);
  });
  return new URL(filled, 'http://grafana');
}

function onlyLink(): string {
  const links = dashboard.panels.flatMap(({ fieldConfig }) => fieldConfig?.defaults.links ?? []);
  const [link, ...others] = links;
  if (link === undefined || others.length > 0) throw new Error(`${links.length} links`);
  return link.url;
}

/** The pane that the link opens, for a point at which a request took so long. */
function paneAt(seconds: number): Panes[string] {
  const { traces } = JSON.parse(follow(onlyLink(), seconds).searchParams.get('panes') ?? '{}') as Panes;
  if (traces === undefined) throw new Error('the link opens no traces');
  return traces;
}

interface Wanted {
  readonly attribute: string;
  readonly value: string;
  readonly name: string;
  readonly seconds: number;
}

/** What the TraceQL of the link selects: a namespace, a name and a duration. */
function wantedAt(seconds: number): Wanted {
  const traceQl = /^\{ resource\.([\w.]+) = "([^"]+)" && name = "([^"]+)" && duration > ([\d.]+)s \}$/;
  const [, attribute = '', value = '', name = '', duration] =
    traceQl.exec(paneAt(seconds).queries[0]?.query ?? '') ?? [];
  return { attribute, value, name, seconds: Number(duration) };
}

/** As Tempo does. */
function isSelected(span: ReceivedSpan, { attribute, value, name, seconds }: Wanted): boolean {
  const duration = Number(span.endedAt - span.startedAt) / 1e9;
  return span.resource[attribute] === value && span.name === name && duration > seconds;
}

/** The settings of a pod that component tracing adds, as the kubelet fills them in. */
function tracingSettings(): Readonly<Record<string, string>> {
  const { objects } = renderKustomization({ resources: ['base'], components: ['components/tracing'] });
  const env = podsOf(objects)
    .flatMap(containersOf)
    .flatMap((container) => container.env ?? []);
  const { value = '' } = env.find(({ name }) => name === 'OTEL_RESOURCE_ATTRIBUTES') ?? {};
  const filled = value.replace('$(POD_NAMESPACE)', NAMESPACE).replace('$(POD_NAME)', POD);
  return { OTEL_RESOURCE_ATTRIBUTES: filled };
}

describe('the link from a latency to its traces', () => {
  it('asks the data source that is chosen, over the time that is shown', () => {
    expect(dashboard.templating.list).toContainEqual(
      expect.objectContaining({ name: 'traces', type: 'datasource', query: 'tempo' }),
    );
    const { datasource, queries, range } = paneAt(0.25);
    expect(datasource).toBe(destination.datasourceUid);
    expect(queries.map(({ datasource: { type, uid }, queryType }) => [type, uid, queryType])).toEqual([
      ['tempo', destination.datasourceUid, 'traceql'],
    ]);
    const { __from: from, __to: to } = valuesOf(0);
    expect(range).toEqual({ from, to });
  });

  it('asks for no variable that neither the dashboard nor Grafana has', () => {
    const own = dashboard.templating.list.map(({ name }) => name);
    const asked = [...onlyLink().matchAll(/\$\{([^}]*)\}/g)].map(([, name = '']) => name);
    expect(asked.filter((name) => !name.startsWith('__') && !own.includes(name))).toEqual([]);
    expect(() => paneAt(0.25)).not.toThrow();
  });
});

it('exemplars lead to the data source that the component of traces tells to set up', () => {
  expect(read('k8s/components/tracing/README.md')).toContain(`the uid \`${destination.datasourceUid}\``);
});

describe.skipIf(absent('kustomize', 'prometheus'))('a request that is traced', () => {
  const cluster = new LiveCluster();
  let collector: OtlpCollector;
  let prometheus: TimeSeriesDatabase;

  beforeAll(async () => {
    collector = await OtlpCollector.start();
    const pod = { ...(await cluster.pod(NAMESPACE, 'x2x4z')), name: POD };
    await cluster.start(pod, {
      MODEL_URI: await cluster.modelFolder('traced', meanColourModel()),
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '50',
      ...tracingSettings(),
    });
    cluster.scrape(pod);
    const { enableFeatures } = valuesObject.prometheus.prometheusSpec;
    prometheus = await cluster.startPrometheus({ features: enableFeatures });
    const traceparent = `00-${TRACE_ID}-b7ad6b7169203331-01`;
    const url = `http://127.0.0.1:${pod.port}`;
    const { status } = await predict(url, await plainPng({ r: 1, g: 2, b: 3 }), { traceparent });
    expect(status).toBe(200);
  });

  afterAll(async () => {
    collector.stop();
    await cluster.destroy();
  });

  it('is a point of each panel that shows exemplars, by the label that Grafana reads', async () => {
    expect(exemplarExpressions).toHaveLength(2);
    const variables = { namespace: NAMESPACE, rateInterval: '1m', range: '3h', args: {} };
    const idsOf = async (expression: string): Promise<(string | undefined)[]> => {
      const exemplars = await prometheus.exemplars(substitute(expression, variables));
      return exemplars.map((labels) => labels[destination.traceIdLabelName]);
    };
    for (const expression of exemplarExpressions) {
      await vi.waitFor(async () => expect(await idsOf(expression)).toContain(TRACE_ID), {
        timeout: 30_000,
        interval: 500,
      });
    }
  });

  it('is found by the link of a faster point, and not by that of a slower one', async () => {
    const spans = await collector.trace(TRACE_ID);
    const found = (seconds: number): string[] =>
      spans.filter((span) => isSelected(span, wantedAt(seconds))).map(({ name }) => name);
    expect(found(0.0001)).toEqual(['POST /predict']);
    expect(found(60)).toEqual([]);
  });
});
