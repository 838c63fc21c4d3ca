import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type Dispatch, OUTCOMES } from './decide.js';

/** Every metric of the bridge, declared once. */
export class Metrics {
  readonly registry = new Registry();
  readonly #registers = [this.registry];

  readonly requests = new Counter({
    name: 'cv_bridge_http_requests_total',
    help: 'Requests answered, by route and status',
    labelNames: ['route', 'status'],
    registers: this.#registers,
  });
  readonly decisions = new Counter({
    name: 'cv_bridge_decisions_total',
    help: 'What was decided when alerts asked for a training: dispatched, unknown (sent, no answer), failed, or why not',
    labelNames: ['outcome'],
    registers: this.#registers,
  });
  readonly githubCalls = new Counter({
    name: 'cv_bridge_github_calls_total',
    help: 'Calls of the GitHub API, by their status; unsent: no connection; lost: no answer',
    labelNames: ['call', 'result'],
    registers: this.#registers,
  });

  /** @param dispatches as they are known when somebody asks */
  constructor(dispatches: () => readonly Dispatch[]) {
    collectDefaultMetrics({ register: this.registry });
    new Gauge({
      name: 'cv_bridge_last_dispatch_timestamp_seconds',
      help: 'When a training was last asked for; 0 where it is not known that it ever was',
      registers: this.#registers,
      collect() {
        this.set(Math.max(0, ...dispatches().map(({ at }) => at)) / 1000);
      },
    });
    new Gauge({
      name: 'cv_bridge_unanswered_dispatches',
      help: 'Dispatches without an answer, of which GitHub lists no run yet; ten minutes after them they are forgotten',
      registers: this.#registers,
      collect() {
        this.set(dispatches().filter(({ delivery }) => delivery === 'unknown').length);
      },
    });
    // There from the start, so that the first of each is an increase.
    for (const outcome of OUTCOMES) this.decisions.inc({ outcome }, 0);
  }
}
