import type { ServingModel } from './serving-model.js';

/** The models of this process. Owns them: what it was given, it closes. */
export class ModelRegistry {
  #current: ServingModel | undefined;

  /** The model that answers; undefined until one is ready. */
  get current(): ServingModel | undefined {
    return this.#current;
  }

  install(model: ServingModel): void {
    this.#current = model;
  }

  async close(): Promise<void> {
    await this.#current?.close();
  }

  async destroy(): Promise<void> {
    await this.#current?.destroy();
  }
}
