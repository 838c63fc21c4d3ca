import { setMaxListeners } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { writeModelFolder } from '../../../service/test/support/models.js';
import type { OnnxModel } from '../../../service/test/support/onnx.js';
import { type Environment, ServiceProcess } from '../../../service/test/support/service-process.js';
import { alertId, ROOT, type RuleGroup, ruleGroups } from './expressions.js';
import { hurried } from './hurried.js';
import { keepDoing } from './keep-doing.js';
import { freePort, type Pod, servePods, TimeSeriesDatabase } from './time-series.js';

/** The hash that a Deployment or Rollout puts into the names of its pods. */
export const POD_HASH = '6d4cf56db6';

interface PrometheusOptions {
  /** Its URL, where one is to hear of alerts. */
  readonly alertmanager?: string;
  /** That are off by default. */
  readonly features?: readonly string[];
}

/** Processes of the service in the place of pods, each scraped once a second with the labels that it has in Kubernetes. */
export class LiveCluster {
  readonly #folder = mkdtempSync(join(tmpdir(), 'cv-live-'));
  readonly #services: ServiceProcess[] = [];
  readonly #targets: Pod[] = [];
  readonly #over = new AbortController();
  readonly #databases: TimeSeriesDatabase[] = [];
  #pods: Server | undefined;

  readonly #rulesOf: (namespace: string) => RuleGroup[];
  readonly #secondsOfMinute: number;

  /** @param secondsOfMinute how long a minute of the rules takes here */
  constructor(rulesOf = ruleGroups, secondsOfMinute = 1) {
    this.#rulesOf = rulesOf;
    this.#secondsOfMinute = secondsOfMinute;
    setMaxListeners(0, this.#over.signal);
    mkdirSync(join(this.#folder, 'rules'));
    this.scrape();
  }

  async startPrometheus({
    alertmanager,
    features = [],
  }: PrometheusOptions = {}): Promise<TimeSeriesDatabase> {
    const config = {
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: [join(this.#folder, 'rules/*.yaml')],
      ...(alertmanager !== undefined && {
        alerting: { alertmanagers: [{ static_configs: [{ targets: [new URL(alertmanager).host] }] }] },
      }),
      scrape_configs: [
        {
          job_name: 'pods',
          file_sd_configs: [{ files: [join(this.#folder, 'targets.json')], refresh_interval: '1s' }],
        },
      ],
    };
    const port = await freePort();
    return this.#start('prometheus', port, [
      `--config.file=${this.#write('prometheus.yaml', stringify(config))}`,
      `--storage.tsdb.path=${join(this.#folder, 'prometheus')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-lifecycle',
      ...features.map((feature) => `--enable-feature=${feature}`),
    ]);
  }

  /** With the scrape configuration of the component, but each second, and an API server that is only a list of pods. */
  async startVictoriaMetrics(namespace: string): Promise<TimeSeriesDatabase> {
    const { url, server } = await servePods(this.#targets);
    this.#pods = server;
    const component = join(ROOT, 'k8s/components/victoria-metrics/scrape.yaml');
    const config = readFileSync(component, 'utf8')
      .replace('scrape_interval: 15s', 'scrape_interval: 1s')
      .replace('scrape_timeout: 10s', 'scrape_timeout: 1s')
      .replace('- role: pod', `- role: pod\n        api_server: ${url}`)
      .replace('own_namespace: true', `names: [${namespace}]`);
    const port = await freePort();
    return this.#start('victoria-metrics', port, [
      `-promscrape.config=${this.#write('scrape.yaml', config)}`,
      `-storageDataPath=${join(this.#folder, 'victoria-metrics')}`,
      `-httpListenAddr=127.0.0.1:${port}`,
      '-search.latencyOffset=1s',
    ]);
  }

  async #start(name: string, port: number, args: readonly string[]): Promise<TimeSeriesDatabase> {
    const database = new TimeSeriesDatabase(name, port, args);
    this.#databases.push(database);
    return database.ready();
  }

  /** Gives Prometheus the rules of these namespaces beside those that it has. */
  async watch(prometheus: TimeSeriesDatabase, ...namespaces: string[]): Promise<void> {
    for (const namespace of namespaces) {
      const groups = hurried(this.#rulesOf(namespace), this.#secondsOfMinute);
      this.#write(`rules/${namespace}.yaml`, stringify({ groups }));
    }
    const { ok } = await fetch(`${prometheus.url}/-/reload`, { method: 'POST' });
    if (!ok) throw new Error('Prometheus does not take the rules');
  }

  async pod(namespace: string, suffix: string): Promise<Pod> {
    return { namespace, name: `cv-inference-${POD_HASH}-${suffix}`, port: await freePort() };
  }

  /** Has Prometheus find these pods too. */
  scrape(...pods: Pod[]): void {
    this.#targets.push(...pods);
    const file = this.#targets.map(({ namespace, name, port }) => ({
      targets: [`127.0.0.1:${port}`],
      labels: { namespace, pod: name, job: 'cv-inference' },
    }));
    renameSync(this.#write('targets.tmp', JSON.stringify(file)), join(this.#folder, 'targets.json'));
  }

  launch({ port }: Pod, environment: Environment = {}): ServiceProcess {
    const service = new ServiceProcess({ PORT: String(port), ...environment });
    this.#services.push(service);
    return service;
  }

  /** Waits until it is ready. */
  async start(pod: Pod, environment: Environment = {}): Promise<ServiceProcess> {
    const service = this.launch(pod, environment);
    await service.said('ready');
    return service;
  }

  /** An empty one, which goes when the cluster does. */
  folder(name: string): string {
    const folder = join(this.#folder, name);
    mkdirSync(folder);
    return folder;
  }

  modelFolder(name: string, model: OnnxModel, manifest?: Record<string, unknown>): Promise<string> {
    return writeModelFolder(model, manifest, this.folder(name));
  }

  /** Does something again and again until the end. It may fail: services come and go. */
  keep(doing: () => Promise<unknown>, everyMs: number): void {
    void keepDoing(doing, everyMs, this.#over.signal);
  }

  async destroy(): Promise<void> {
    this.#over.abort();
    this.#pods?.closeAllConnections();
    this.#pods?.close();
    await Promise.all([...this.#databases, ...this.#services].map((process) => process.destroy()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #write(name: string, text: string): string {
    const path = join(this.#folder, name);
    writeFileSync(path, text);
    return path;
  }
}

/** The alerts that have fired in a namespace so far. */
export async function firedIn(prometheus: TimeSeriesDatabase, namespace: string): Promise<string[]> {
  const firing = `ALERTS{namespace="${namespace}",alertstate="firing"}`;
  const samples = await prometheus.query(`max_over_time(${firing}[1h])`);
  const ids = samples.map(({ labels }) => alertId({ alert: labels['alertname'] ?? '', expr: '', labels }));
  return [...new Set(ids)].sort();
}
