import { messageOf } from '../../service/errors.js';
import type { Logger } from '../../service/telemetry/logging.js';
import type { ApplicationItem, Item } from '../items.js';
import { projectApplication } from '../projection/application.js';
import { projectAutoscaler } from '../projection/autoscaler.js';
import { projectPod } from '../projection/pod.js';
import type { Rollout } from '../projection/rollout.js';
import type { Commits } from '../sources/commits.js';
import type { Store } from '../store.js';
import type { KubernetesClient } from './client.js';
import { type KubernetesObject, keyOf } from './object.js';
import { Rollouts } from './rollouts.js';
import { type WatchOptions, watchForever } from './watch.js';

export interface ClusterOptions {
  readonly client: KubernetesClient;
  readonly store: Store;
  /** Of rollouts, pods and autoscalers. */
  readonly namespaces: readonly string[];
  /** Of applications. */
  readonly argocdNamespace: string;
  readonly commits: Commits | undefined;
  readonly logger: Logger;
  readonly stop: AbortSignal;
  onRestart(source: string): void;
}

/** What a kind of object becomes. */
type Handling<Value> = Pick<WatchOptions<Value>, 'read' | 'onList' | 'onChange' | 'onGone'>;

/** Watches what the dashboard shows of a cluster, until it is stopped. */
export class Cluster {
  readonly #options: ClusterOptions;
  /** Of which it is not known yet what there is. */
  readonly #awaited = new Set<string>();
  readonly #watches: Promise<void>[] = [];

  constructor(options: ClusterOptions) {
    this.#options = options;
    const { argocdNamespace, namespaces } = options;
    this.#watch('applications', argoPath(argocdNamespace, 'applications'), this.#applications());
    for (const namespace of namespaces) this.#watchNamespace(namespace);
  }

  /** Whether each kind has been listed, or the server has said that there is no such kind or that it may not be seen. */
  get isReady(): boolean {
    return this.#awaited.size === 0;
  }

  /** Resolves once it was stopped. */
  async ended(): Promise<void> {
    await Promise.all(this.#watches);
  }

  #watchNamespace(namespace: string): void {
    const { store } = this.#options;
    const rollouts = new Rollouts(store, namespace);
    const named = (kind: string) => `${kind} in ${namespace}`;
    this.#watch(
      named('pods'),
      `/api/v1/namespaces/${namespace}/pods`,
      this.#items('pod', namespace, projectPod),
    );
    this.#watch(
      named('autoscalers'),
      `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers`,
      this.#items('autoscaler', namespace, projectAutoscaler),
    );
    this.#watch<Rollout>(named('rollouts'), argoPath(namespace, 'rollouts'), {
      read: (object) => object,
      onList: (objects) => rollouts.list(objects),
      onChange: (object) => rollouts.put(object),
      onGone: (object) => rollouts.remove(object),
    });
    this.#watch(named('analyses'), argoPath(namespace, 'analysisruns'), {
      read: (object) => object,
      onList: (objects) => rollouts.listAnalyses(objects),
      onChange: (object) => rollouts.putAnalysis(object),
      onGone: (object) => rollouts.removeAnalysis(object),
    });
  }

  /** Of a kind whose objects are one item each. */
  #items<Kind extends Item>(
    kind: Kind['kind'],
    namespace: string,
    project: (object: KubernetesObject) => Kind,
  ): Handling<Kind> {
    const { store } = this.#options;
    return {
      read: project,
      onList: (items) => store.sync(`${kind}/${namespace}/`, items),
      onChange: (item) => store.put(item),
      onGone: (object) => store.remove(`${kind}/${keyOf(object)}`),
    };
  }

  #applications(): Handling<ApplicationItem> {
    const { argocdNamespace, commits, store } = this.#options;
    const items = this.#items<ApplicationItem>('application', argocdNamespace, (object) =>
      this.#withCommit(projectApplication(object)),
    );
    return {
      ...items,
      onList: (applications) => {
        items.onList(applications);
        commits?.retain(applications);
        for (const application of applications) void this.#learnCommit(application.id);
      },
      onChange: (application) => {
        store.put(application);
        void this.#learnCommit(application.id);
      },
      onGone: (object) => {
        items.onGone(object);
        commits?.forget(`application/${keyOf(object)}`);
      },
    };
  }

  #withCommit(application: ApplicationItem): ApplicationItem {
    const commit = this.#options.commits?.known(application.revision);
    return commit === undefined ? application : { ...application, commit };
  }

  async #learnCommit(id: string): Promise<void> {
    const { commits, store } = this.#options;
    const asked = store.item(id);
    if (asked?.kind !== 'application' || (await commits?.learn(asked)) !== true) return;
    // It may have gone on meanwhile; and others may be of the same commit.
    const applications = [...store.items].filter((item) => item.kind === 'application');
    for (const application of applications) store.put(this.#withCommit(application));
  }

  #watch<Value>(name: string, path: string, handling: Handling<Value>): void {
    const { client, store, logger, stop, onRestart } = this.#options;
    this.#awaited.add(name);
    store.setSource(name, 'connecting');
    const watch = watchForever<Value>({
      ...handling,
      client,
      path,
      stop,
      read: (object) => this.#readOrSkip(name, object, handling.read),
      onState: (state, reason) => {
        const isNews = store.setSource(name, state, reason);
        if (isNews && reason !== '') logger.warn({ source: name, state, reason }, 'not watched');
      },
      onSettled: () => this.#awaited.delete(name),
      onRestart: () => onRestart(name),
    });
    this.#watches.push(watch);
  }

  /** One object that is not what its kind should be costs itself alone. */
  #readOrSkip<Value>(
    source: string,
    object: KubernetesObject,
    read: (object: KubernetesObject) => Value | undefined,
  ): Value | undefined {
    try {
      return read(object);
    } catch (error) {
      this.#options.logger.warn(
        { source, name: object.metadata.name, reason: messageOf(error) },
        'not understood',
      );
      return undefined;
    }
  }
}

function argoPath(namespace: string, kind: string): string {
  return `/apis/argoproj.io/v1alpha1/namespaces/${namespace}/${kind}`;
}
