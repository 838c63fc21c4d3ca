import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { writeModelFolder } from '../../../../service/test/support/models.js';
import type { OnnxModel } from '../../../../service/test/support/onnx.js';
import type { RuleGroup } from '../../support/expressions.js';
import { hurried } from '../../support/hurried.js';
import { keepDoing } from '../../support/keep-doing.js';
import { type KubernetesObject, renderKustomization } from '../../support/render.js';
import { requiredTool } from '../../support/tools.js';
import { apply, field, kubectl } from './kubectl.js';
import { untilRolledOut } from './rollouts.js';

/** Seconds that a minute of the rules takes here: its shortest range holds five scrapes. */
export const MINUTE_S = 5;
const SCRAPE_EVERY = '5s';

export interface Deviation {
  readonly model?: OnnxModel;
  readonly environment?: Readonly<Record<string, string>>;
  readonly cpu?: string;
  readonly replicas?: number;
  /** Beside monitoring. */
  readonly components?: readonly string[];
}

/** The base with the component monitoring in a namespace of its own, its rules hurried, and something wrong with it. */
export class FaultyService {
  readonly #over = new AbortController();
  readonly #where: string;

  private constructor(readonly namespace: string) {
    this.#where = `--namespace=${namespace}`;
  }

  static async deploy(namespace: string, deviation: Deviation = {}): Promise<FaultyService> {
    const service = new FaultyService(namespace);
    const objects = manifests(namespace, deviation);
    await apply(...objects.filter(({ kind }) => kind === 'Namespace'));
    if (deviation.model !== undefined) await service.#store(deviation.model);
    await apply(...objects.filter(({ kind }) => kind !== 'Namespace'));
    return service;
  }

  async #store(model: OnnxModel): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'cv-model-'));
    await writeModelFolder(model, undefined, folder);
    await kubectl(this.#where, 'create', 'configmap', 'model', `--from-file=${folder}`);
    await rm(folder, { recursive: true });
  }

  async untilReady(): Promise<void> {
    await untilRolledOut(this.namespace, 'deployment/cv-inference', 240);
  }

  async pod(): Promise<string> {
    const selector = '--selector=app.kubernetes.io/component=service';
    return (await field('{.items[0].metadata.name}', this.#where, 'pods', selector)) ?? '';
  }

  async replacePod(): Promise<void> {
    await kubectl(this.#where, 'delete', 'pod', await this.pod(), '--wait=false');
  }

  async set(environment: string): Promise<void> {
    await kubectl(this.#where, 'set', 'env', 'deployment/cv-inference', environment);
  }

  async scale(replicas: number): Promise<void> {
    await kubectl(this.#where, 'scale', 'deployment/cv-inference', `--replicas=${replicas}`);
  }

  /** Makes its pod answer here until the end: where. */
  async reach(): Promise<string> {
    const { signal } = this.#over;
    const forward = spawn(
      requiredTool('kubectl'),
      [this.#where, 'port-forward', 'service/cv-inference', ':80'],
      {
        signal,
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    forward.on('error', () => undefined);
    const [line] = (await once(createInterface(forward.stdout), 'line')) as [string];
    return `http://127.0.0.1:${/:(\d+) ->/.exec(line)?.[1]}`;
  }

  /** Does something again and again until the end. It may fail. */
  keep(doing: () => Promise<unknown>, everyMs: number): void {
    void keepDoing(doing, everyMs, this.#over.signal);
  }

  /** Ends what was kept up. */
  relent(): void {
    this.#over.abort();
  }

  async remove(): Promise<void> {
    this.relent();
    await kubectl('delete', 'namespace', this.namespace, '--wait=false');
  }
}

function manifests(namespace: string, deviation: Deviation): KubernetesObject[] {
  const { objects } = renderKustomization({
    namespace,
    resources: ['base'],
    components: ['components/monitoring', ...(deviation.components ?? []), 'release'],
    patches: [
      {
        target: { kind: 'Deployment', name: 'cv-inference' },
        patch: JSON.stringify(deploymentPatch(deviation)),
      },
      {
        target: { kind: 'ServiceMonitor', name: 'cv-inference' },
        patch: JSON.stringify([{ op: 'replace', path: '/spec/endpoints/0/interval', value: SCRAPE_EVERY }]),
      },
    ],
  });
  return objects.map((object) => (object.kind === 'PrometheusRule' ? hurriedRule(object) : object));
}

function deploymentPatch({ model, environment = {}, cpu = '1', replicas = 1 }: Deviation): object[] {
  const pod = '/spec/template/spec';
  const all = { ...environment, ...(model !== undefined && { MODEL_URI: '/models/faulty' }) };
  const env = Object.entries(all).map(([name, value]) => ({ name, value }));
  const resources = { requests: { cpu: '50m', memory: '192Mi' }, limits: { cpu, memory: '1Gi' } };
  return [
    { op: 'add', path: '/spec/replicas', value: replicas },
    { op: 'replace', path: `${pod}/containers/0/resources`, value: resources },
    { op: 'add', path: `${pod}/containers/0/env`, value: env },
    ...(model === undefined
      ? []
      : [
          { op: 'add', path: `${pod}/volumes/-`, value: { name: 'model', configMap: { name: 'model' } } },
          {
            op: 'add',
            path: `${pod}/containers/0/volumeMounts/-`,
            value: { name: 'model', mountPath: '/models/faulty' },
          },
        ]),
  ];
}

/** A PrometheusRule whose minutes are short. */
export function hurriedRule(object: KubernetesObject): KubernetesObject {
  const { groups } = object['spec'] as { groups: readonly RuleGroup[] };
  return { ...object, spec: { groups: hurried(groups, MINUTE_S) } };
}
