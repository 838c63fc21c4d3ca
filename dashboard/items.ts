/** What the dashboard shows: the shape of one thing in the cluster, cut down to what a person looks at. Times are ISO 8601 in UTC. */
export type Item =
  | ApplicationItem
  | RolloutItem
  | PodItem
  | AutoscalerItem
  | AlertItem
  | ModelItem
  | DriftItem
  | RetrainingItem;

interface Named {
  /** Unique among all items: `kind/namespace/name`. */
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
}

/** An application of Argo CD. */
export interface ApplicationItem extends Named {
  readonly kind: 'application';
  readonly sync: 'Synced' | 'OutOfSync' | 'Unknown';
  readonly health: 'Healthy' | 'Progressing' | 'Degraded' | 'Suspended' | 'Missing' | 'Unknown';
  /** Where what it applies goes. */
  readonly target: string;
  /** The commit that it compares with; empty before the first comparison. */
  readonly revision: string;
  readonly commit?: Commit;
  /** What the last operation says, where that went wrong or goes on. */
  readonly operation?: { readonly phase: string; readonly message: string };
}

export interface Commit {
  readonly author: string;
  /** First line. */
  readonly subject: string;
  readonly at: string;
}

/** A rollout of Argo Rollouts. */
export interface RolloutItem extends Named {
  readonly kind: 'rollout';
  readonly phase: 'Healthy' | 'Progressing' | 'Paused' | 'Degraded';
  readonly message: string;
  /** The steps in words, such as "20 % of the traffic", "pause 1 m", "analysis error-rate". */
  readonly steps: readonly string[];
  /** Steps that are over: 0 to `steps.length`. */
  readonly stepsDone: number;
  readonly aborted: boolean;
  /** Share of the traffic that the new version gets, percent. */
  readonly weight: number;
  readonly replicas: { readonly wanted: number; readonly ready: number };
  readonly stable: string;
  /** Hash of the version that comes; that of the stable one where none does. */
  readonly current: string;
  /** Of the version that comes, by name. */
  readonly analyses: readonly Analysis[];
}

export interface Analysis {
  readonly name: string;
  readonly phase: 'Pending' | 'Running' | 'Successful' | 'Failed' | 'Error' | 'Inconclusive';
  readonly message: string;
  readonly metrics: readonly {
    readonly name: string;
    readonly phase: string;
    readonly value: string;
    readonly failed: number;
    readonly measured: number;
  }[];
}

export interface PodItem extends Named {
  readonly kind: 'pod';
  readonly app: string;
  /** The pod's own, or why its container waits or ended: `CrashLoopBackOff`, `Terminating`. */
  readonly phase: string;
  readonly ready: boolean;
  readonly restarts: number;
  readonly node: string;
  readonly image: string;
  /** Hash of the pod template that it was made from. */
  readonly version: string;
  readonly createdAt: string;
}

export interface AutoscalerItem extends Named {
  readonly kind: 'autoscaler';
  readonly current: number;
  readonly wanted: number;
  readonly min: number;
  readonly max: number;
  /** What it scales by, such as "cpu 71 % of 60 %". */
  readonly metrics: readonly string[];
}

/** An alert that fires. */
export interface AlertItem extends Named {
  readonly kind: 'alert';
  readonly severity: string;
  readonly summary: string;
  readonly startedAt: string;
  readonly silenced: boolean;
  readonly runbook?: string;
}

/** A model that pods serve. `name` is the model's. */
export interface ModelItem extends Named {
  readonly kind: 'model';
  readonly version: string;
  readonly digest: string;
  readonly provider: string;
  readonly pods: number;
}

/** How far the images of the last hour are from those of the training, and how many answers were right. `name` is the model's. */
export interface DriftItem extends Named {
  readonly kind: 'drift';
  /** The largest population stability index of any statistic, where there were images. */
  readonly psi?: {
    readonly value: number;
    readonly statistic: string;
    /** Whether that is so much that the images count as others. */
    readonly isDrift: boolean;
  };
  /** Between 0 and 1, where there is feedback. */
  readonly accuracy?: number;
}

/** What the learning loop does about drift, for all models of a namespace. `name` is the namespace's. */
export interface RetrainingItem extends Named {
  readonly kind: 'retraining';
  /** Since the bridge started, by outcome. */
  readonly decisions: Readonly<Record<string, number>>;
}

/** One line of the timeline: what changed, for people. */
export interface Entry {
  readonly at: string;
  /** Of the item that changed; the source where a source was lost or came back. */
  readonly about: string;
  readonly kind: Item['kind'] | 'source';
  readonly namespace: string;
  readonly tone: 'good' | 'bad' | 'neutral';
  readonly text: string;
}

/** Where items come from, and whether they do. */
export interface SourceState {
  /** Such as `pods`, `applications`, `alerts`. */
  readonly name: string;
  readonly state: 'connected' | 'connecting' | 'absent' | 'failed';
  /** Why, where it is not connected. */
  readonly reason: string;
  readonly since: string;
}

/** Event `snapshot` of the stream, and the answer of GET /state: everything. */
export interface Snapshot {
  readonly at: string;
  readonly items: readonly Item[];
  readonly sources: readonly SourceState[];
  /** Oldest first. */
  readonly timeline: readonly Entry[];
}

/** Event `change` of the stream. */
export interface Change {
  readonly at: string;
  readonly items: readonly Item[];
  /** Ids of what is gone. */
  readonly removed: readonly string[];
  readonly sources: readonly SourceState[];
  readonly timeline: readonly Entry[];
}
