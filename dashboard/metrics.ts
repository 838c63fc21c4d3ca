import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Item } from './items.js';

export interface MetricsSources {
  readonly viewers: () => number;
  readonly items: () => Iterable<Item>;
}

/** Every metric of the dashboard, declared once. */
export class Metrics {
  readonly registry = new Registry();
  readonly #registers = [this.registry];

  readonly events = new Counter({
    name: 'cv_dashboard_events_total',
    help: 'Events sent to viewers, by type',
    labelNames: ['type'],
    registers: this.#registers,
  });
  readonly viewersLost = new Counter({
    name: 'cv_dashboard_viewers_lost_total',
    help: 'Viewers that were turned away (full) or closed because they took nothing any more (stalled)',
    labelNames: ['reason'],
    registers: this.#registers,
  });
  readonly watchRestarts = new Counter({
    name: 'cv_dashboard_watch_restarts_total',
    help: 'Attempts to watch after one that failed',
    labelNames: ['source'],
    registers: this.#registers,
  });

  constructor({ viewers, items }: MetricsSources) {
    collectDefaultMetrics({ register: this.registry });
    new Gauge({
      name: 'cv_dashboard_viewers',
      help: 'Streams that are open',
      registers: this.#registers,
      collect() {
        this.set(viewers());
      },
    });
    new Gauge({
      name: 'cv_dashboard_items',
      help: 'What is shown, by kind',
      labelNames: ['kind'],
      registers: this.#registers,
      collect() {
        this.reset();
        for (const { kind } of items()) this.inc({ kind });
      },
    });
  }
}
