import { Agent } from 'node:http';
import { send } from './http-client.js';
import { everyMs, type Repetition } from './schedule.js';

const HEALTH_INTERVAL_MS = 100;
const READY_INTERVAL_MS = 1000;
/** As long as a patient orchestrator waits. */
const PATIENCE_MS = 5000;

/** What a probe saw; Infinity where /health had no answer 200. */
export interface ProbeRecord {
  health(ms: number, startedAt: number): void;
  unready(status: string): void;
}

/** Asks /health and /ready as an orchestrator does, only more often. */
export class Probes {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #underWay = new Set<Promise<void>>();
  readonly #repetitions: readonly Repetition[];

  constructor(url: string, record: ProbeRecord) {
    const ask = (path: string): Promise<number> =>
      send(url, { path, headers: {} }, { timeoutMs: PATIENCE_MS, agent: this.#agent }).then(
        ({ status }) => status,
      );
    this.#repetitions = [
      everyMs(HEALTH_INTERVAL_MS, () => {
        const startedAt = performance.now();
        this.#watch(ask('/health'), (status) =>
          record.health(status === 200 ? performance.now() - startedAt : Infinity, startedAt),
        );
      }),
      everyMs(READY_INTERVAL_MS, () => {
        this.#watch(ask('/ready'), (status) => {
          // That there is no answer at all, /health tells.
          if (status !== undefined && status !== 200) record.unready(String(status));
        });
      }),
    ];
  }

  async stop(): Promise<void> {
    for (const repetition of this.#repetitions) repetition.stop();
    await Promise.all(this.#underWay);
    this.#agent.destroy();
  }

  #watch(asked: Promise<number>, record: (status: number | undefined) => void): void {
    const seen = asked
      .catch(() => undefined)
      .then((status) => {
        record(status);
        this.#underWay.delete(seen);
      });
    this.#underWay.add(seen);
  }
}
