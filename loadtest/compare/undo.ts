/** What must be undone when the process ends, however it ends: so all of it is synchronous. Last in, first out. */
export class Undo {
  readonly #steps: (() => void)[] = [];

  constructor() {
    process.once('exit', () => this.all());
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  }

  later(step: () => void): void {
    this.#steps.push(step);
  }

  all(): void {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) step();
  }
}
