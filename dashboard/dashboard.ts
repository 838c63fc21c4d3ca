import type { FastifyInstance } from 'fastify';
import type { Logger } from '../service/telemetry/logging.js';
import { Feed } from './feed.js';
import type { Entry } from './items.js';
import type { KubernetesClient } from './kubernetes/client.js';
import { Cluster } from './kubernetes/cluster.js';
import { Metrics } from './metrics.js';
import { createServer } from './server.js';
import type { Settings } from './settings.js';
import { firingAlerts } from './sources/alertmanager.js';
import { Commits } from './sources/commits.js';
import { poll } from './sources/poll.js';
import { measure, projectDrift, projectModels, projectRetraining } from './sources/prometheus.js';
import type { Store } from './store.js';
import { TimelineFile } from './timeline-file.js';
import { Viewers } from './viewers.js';

export interface DashboardOptions {
  readonly settings: Settings;
  readonly client: KubernetesClient;
  readonly logger: Logger;
  /** The repository's root, or a folder with the page's files as they lie there. */
  readonly pageRoot: string;
  /** Ends what watches and asks. */
  readonly stop: AbortSignal;
}

const MAX_VIEWERS = 200;
const HEARTBEAT_MS = 15_000;
/** Who has taken nothing of the stream for so long is closed. */
const STALL_MS = 30_000;
const POLL_MS = 10_000;

/** The dashboard, which watches from now on; its server does not listen yet. */
export class Dashboard {
  readonly server: FastifyInstance;
  readonly #file: TimelineFile | undefined;
  readonly #feed: Feed;
  readonly #ended: readonly Promise<void>[];

  private constructor(
    server: FastifyInstance,
    file: TimelineFile | undefined,
    feed: Feed,
    ended: readonly Promise<void>[],
  ) {
    this.server = server;
    this.#file = file;
    this.#feed = feed;
    this.#ended = ended;
  }

  static async start(options: DashboardOptions): Promise<Dashboard> {
    const { settings, client, logger, stop } = options;
    const file = await openTimeline(settings.TIMELINE_FILE, logger);
    const viewers: Viewers = new Viewers({
      maxViewers: MAX_VIEWERS,
      heartbeatMs: HEARTBEAT_MS,
      stallMs: STALL_MS,
      onEvent: (type) => metrics.events.inc({ type }),
      onStalled: () => metrics.viewersLost.inc({ reason: 'stalled' }),
    });
    const feed = new Feed({
      timeline: file?.entries ?? [],
      onEntry: (entry) => file?.add(entry),
      onEvent: () => viewers.advance(),
    });
    const { store } = feed;
    const metrics = new Metrics({ viewers: () => viewers.size, items: () => store.items });
    store.tell(startOf(new Date()));
    const cluster = new Cluster({
      client,
      store,
      namespaces: namespacesOf(settings),
      argocdNamespace: settings.ARGOCD_NAMESPACE,
      commits: commitsFor(settings, store, stop),
      logger,
      stop,
      onRestart: (source) => metrics.watchRestarts.inc({ source }),
    });
    const isReady = () => cluster.isReady;
    const server = await createServer({
      feed,
      viewers,
      metrics,
      logger,
      isReady,
      allowedHosts: new Set(listOf(settings.ALLOWED_HOSTS)),
      pageRoot: options.pageRoot,
    });
    return new Dashboard(server, file, feed, [cluster.ended(), ...pollAll(settings, store, stop)]);
  }

  /** Ends the streams and the server, after `stop`; what the timeline has is on the disk then. */
  async close(): Promise<void> {
    await this.server.close();
    await Promise.all(this.#ended);
    this.#feed.close();
    await this.#file?.close();
  }
}

/** What happened before it, and after the last entry before it, nobody saw. */
function startOf(now: Date): Entry {
  return {
    at: now.toISOString(),
    about: 'dashboard',
    kind: 'source',
    namespace: '',
    tone: 'neutral',
    text: 'the dashboard has started',
  };
}

async function openTimeline(path: string, logger: Logger): Promise<TimelineFile | undefined> {
  if (path === '') return undefined;
  return TimelineFile.open(path, (reason) => logger.error({ reason }, 'timeline not written'));
}

function namespacesOf({ NAMESPACES }: Settings): string[] {
  return [...new Set(listOf(NAMESPACES))];
}

function listOf(text: string): string[] {
  return text === '' ? [] : text.split(',');
}

function commitsFor(settings: Settings, store: Store, stop: AbortSignal): Commits | undefined {
  if (settings.ARGOCD_URL === '') return undefined;
  return new Commits({
    url: withoutSlash(settings.ARGOCD_URL),
    tokenFile: settings.ARGOCD_TOKEN_FILE,
    stop,
    onState: (state, reason) => store.setSource('commits', state, reason),
  });
}

function pollAll(settings: Settings, store: Store, stop: AbortSignal): Promise<void>[] {
  const { ALERTMANAGER_URL, PROMETHEUS_URL } = settings;
  const namespaces = namespacesOf(settings);
  const every = { store, stop, intervalMs: POLL_MS };
  const askForAlerts = async () =>
    store.sync('alert/', await firingAlerts(withoutSlash(ALERTMANAGER_URL), new Set(namespaces), stop));
  const askForMetrics = async () => {
    const measured = await measure(withoutSlash(PROMETHEUS_URL), namespaces, stop);
    store.sync('model/', projectModels(measured));
    store.sync('drift/', projectDrift(measured));
    // What was counted is not forgotten while a bridge is started anew: what it decides then is news.
    for (const item of projectRetraining(measured)) store.put(item);
  };
  return [
    ...(ALERTMANAGER_URL === '' ? [] : [poll({ ...every, name: 'alerts', ask: askForAlerts })]),
    ...(PROMETHEUS_URL === '' ? [] : [poll({ ...every, name: 'metrics', ask: askForMetrics })]),
  ];
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
