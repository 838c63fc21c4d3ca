import { describe, expect, it } from 'vitest';
import { CONFIG_SCHEMA, readConfig } from '../../../service/config.js';
import { DOWNLOAD_LIMITS } from '../../../service/model/download-limits.js';
import { limitProcess, type ModelSizing, type ProcessLimits, sizeModel } from '../../../service/sizing.js';
import { createAppFor } from '../../../service/test/support/app.js';
import { listCombinations } from '../support/combinations.js';
import {
  environmentOf,
  type Pod,
  type Probe,
  quantity,
  serviceContainer,
  servicePods,
  valuesAt,
} from '../support/pods.js';
import type { KubernetesObject } from '../support/render.js';
import { absent } from '../support/tools.js';

const MiB = 2 ** 20;
/** What an abort may take beyond the drain: docs/decisions/0003-threads-are-never-terminated.md */
const ABORT_MS = 5_000;
/** From the signal to the process's end, besides. */
const MARGIN_MS = 2_000;
/** As in service/model/retry.ts. */
const LONGEST_BACKOFF_MS = 20_000;
/** Slow, but not broken. */
const MODEL_BYTES_PER_SECOND = 8 * MiB;
/** The service with a small model, warm: README.md, Benchmarks. */
const RESIDENT_BYTES = 400 * MiB;
/** A decode process that waits for work: docs/decisions/0011-decode-processes.md. */
const DECODE_PROCESS_BYTES = 45 * MiB;
/** Threads of libuv in the image: Dockerfile. */
const UV_THREADS = 8;

interface Workload {
  readonly pod: Pod;
  readonly owner: KubernetesObject;
  readonly container: ReturnType<typeof serviceContainer>;
  readonly environment: Record<string, string>;
  readonly config: ReturnType<typeof readConfig>;
}

/** By OpenTelemetry's SDK (component tracing), and what its value is put together from. */
const ALSO_READ = new Set(['OTEL_RESOURCE_ATTRIBUTES', 'POD_NAME', 'POD_NAMESPACE']);

/** The pod of the service, with the settings as the service itself reads them. */
function workload(objects: readonly KubernetesObject[]): Workload {
  const [pod] = servicePods(objects);
  if (pod === undefined) throw new Error('no pod of the service');
  const container = serviceContainer(pod);
  const environment = environmentOf(objects, container);
  return { pod, owner: pod.owner, container, environment, config: readConfig(environment) };
}

function secondsOf({ periodSeconds = 10, failureThreshold = 3 }: Probe = {}): number {
  return periodSeconds * failureThreshold;
}

function sizeOf({ container, config }: Workload): ModelSizing & ProcessLimits {
  const limits = container.resources?.limits ?? {};
  const machine = {
    cores: quantity(limits['cpu']),
    memoryBytes: quantity(limits['memory']),
    uvThreads: UV_THREADS,
  };
  const provider = config.executionProviders[0] ?? 'cpu';
  return { ...sizeModel(machine, provider, config), ...limitProcess(machine, config) };
}

describe.skipIf(absent('kustomize')).each(listCombinations())('in $name', ({ render }) => {
  const load = (): Workload => workload(render().objects);

  it('there is one kind of pod, with settings that the service knows and takes', () => {
    const { objects } = render();
    expect(servicePods(objects)).toHaveLength(1);
    const { environment } = load();
    const others = Object.keys(environment).filter((name) => !(name in CONFIG_SCHEMA));
    expect(others.filter((name) => !ALSO_READ.has(name))).toEqual([]);
    expect(Object.keys(environment).length).toBeGreaterThan(5);
  });

  it('probes and ports are those of the service', async () => {
    const { container, config } = load();
    expect(config.managementPort).toBeUndefined();
    expect(container.ports?.map(({ containerPort }) => containerPort)).toEqual([config.port]);
    const paths = [container.startupProbe, container.readinessProbe, container.livenessProbe].map(
      (probe) => probe?.httpGet?.path,
    );
    expect(paths).toEqual(['/ready', '/ready', '/health']);
    const { server } = await createAppFor();
    expect(paths.filter((url = '') => !server.hasRoute({ method: 'GET', url }))).toEqual([]);
  });

  it('a pod has the time to drain', () => {
    const { pod, container, config } = load();
    const preStopMs = (container.lifecycle?.preStop?.sleep?.seconds ?? 0) * 1000;
    const graceMs = (pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
    const leavingMs = preStopMs + config.drainDelayMs + config.drainTimeoutMs + ABORT_MS + MARGIN_MS;
    expect(preStopMs).toBeGreaterThanOrEqual(5000);
    expect(graceMs).toBeGreaterThanOrEqual(leavingMs);
    expect(config.drainTimeoutMs).toBeGreaterThanOrEqual(config.requestTimeoutMs);
  });

  it('a pod has the time to fetch its model, and a rollout the time for the pod', () => {
    const { container, config, owner } = load();
    const startMs = secondsOf(container.startupProbe) * 1000;
    const { attempts, responseTimeoutMs, stallTimeoutMs } = DOWNLOAD_LIMITS;
    const failingMs = attempts * (responseTimeoutMs + stallTimeoutMs + LONGEST_BACKOFF_MS);
    expect(startMs).toBeGreaterThan((config.modelMaxBytes / MODEL_BYTES_PER_SECOND) * 1000);
    expect(startMs).toBeGreaterThan(failingMs);
    if (owner.kind === 'InferenceService') return;
    const [deadline, ready] = [
      ...valuesAt(owner, 'spec.progressDeadlineSeconds'),
      ...valuesAt(owner, 'spec.minReadySeconds'),
    ].map(Number);
    // A canary is given up early instead: its README says for which clusters and models that is too early.
    if (owner.kind === 'Rollout') expect(deadline).toBeLessThan(60);
    else expect(deadline).toBeGreaterThan(startMs / 1000 + (ready ?? Number.NaN));
  });

  it('the cache is where the service looks for it and holds the largest model', () => {
    const { pod, container, config } = load();
    const mount = container.volumeMounts?.find(({ mountPath }) => mountPath === config.modelCacheDir);
    const volume = pod.spec.volumes?.find(({ name }) => name === mount?.name);
    expect(quantity(volume?.emptyDir?.sizeLimit)).toBeGreaterThanOrEqual(
      config.modelCacheMaxBytes + config.modelMaxBytes,
    );
  });

  it('the limit of CPU is a whole number, all of it is asked for or it is a laptop, and threads follow it', () => {
    const { container } = load();
    const { requests = {}, limits = {} } = container.resources ?? {};
    const cores = quantity(limits['cpu']);
    expect(Number.isInteger(cores)).toBe(true);
    if (!container.image.endsWith(':local')) expect(requests['cpu']).toBe(limits['cpu']);
    const { workers, intraOpThreads } = sizeOf(load());
    expect(workers * intraOpThreads).toBe(cores);
  });

  it('the limit of memory holds all bodies, all pixels and all decoding that there can be at once', () => {
    const { config, container } = load();
    const { maxInFlightBytes, maxQueueBytes, decodeConcurrency } = sizeOf(load());
    const decoding = decodeConcurrency * (DECODE_PROCESS_BYTES + config.maxImagePixels * 3);
    const most = RESIDENT_BYTES + maxInFlightBytes + maxQueueBytes + decoding;
    expect(quantity(container.resources?.limits?.['memory'])).toBeGreaterThan(most);
  });

  it('the image fits the processor', () => {
    const { container, config } = load();
    const hasGpu = container.resources?.limits?.['nvidia.com/gpu'] === '1';
    expect(config.executionProviders.includes('cuda')).toBe(hasGpu);
    expect(/-cuda(@|$)/.test(container.image)).toBe(hasGpu);
  });
});
