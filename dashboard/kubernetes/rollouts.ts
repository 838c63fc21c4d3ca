import { type OwnedAnalysis, projectAnalysis } from '../projection/analysis.js';
import { projectRollout, type Rollout } from '../projection/rollout.js';
import type { Store } from '../store.js';
import { type KubernetesObject, keyOf } from './object.js';

/** The rollouts of a namespace and the analyses that they have started: two kinds that are one to whoever looks. */
export class Rollouts {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #rollouts = new Map<string, Rollout>();
  readonly #analyses = new Map<string, OwnedAnalysis>();
  #hasAnalyses = false;

  constructor(store: Store, namespace: string) {
    this.#store = store;
    this.#prefix = `rollout/${namespace}/`;
  }

  list(rollouts: readonly Rollout[]): void {
    this.#rollouts.clear();
    for (const rollout of rollouts) this.#rollouts.set(rollout.metadata.name, rollout);
    this.#store.sync(
      this.#prefix,
      rollouts.map((rollout) => projectRollout(rollout, this.#analysesOf(rollout))),
    );
  }

  put(rollout: Rollout): void {
    this.#rollouts.set(rollout.metadata.name, rollout);
    this.#show(rollout.metadata.name);
  }

  remove(rollout: Rollout): void {
    this.#rollouts.delete(rollout.metadata.name);
    this.#store.remove(`rollout/${keyOf(rollout)}`);
  }

  listAnalyses(runs: readonly KubernetesObject[]): void {
    this.#analyses.clear();
    for (const run of runs) this.#keep(run);
    for (const name of this.#rollouts.keys()) this.#show(name, this.#hasAnalyses);
    this.#hasAnalyses = true;
  }

  putAnalysis(run: KubernetesObject): void {
    this.#keep(run);
    this.#show(this.#analyses.get(run.metadata.name)?.rollout);
  }

  removeAnalysis({ metadata }: KubernetesObject): void {
    const rollout = this.#analyses.get(metadata.name)?.rollout;
    this.#analyses.delete(metadata.name);
    this.#show(rollout);
  }

  #keep(run: KubernetesObject): void {
    const owned = projectAnalysis(run);
    if (owned !== undefined) this.#analyses.set(run.metadata.name, owned);
  }

  /** @param isTold not what was there before anybody looked */
  #show(name: string | undefined, isTold = true): void {
    const rollout = this.#rollouts.get(name ?? '');
    if (rollout !== undefined) this.#store.put(projectRollout(rollout, this.#analysesOf(rollout)), isTold);
  }

  #analysesOf({ metadata }: Rollout): OwnedAnalysis[] {
    return [...this.#analyses.values()].filter(({ rollout }) => rollout === metadata.name);
  }
}
