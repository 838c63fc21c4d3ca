import type { Scene } from '../scene.js';
import type { Check } from '../verdict.js';

export interface Play {
  readonly name: string;
  /** What is played. */
  readonly title: string;
  /** What has to come of it. */
  readonly moral: string;
  /** Plays it on a scene that is set. Throws where something that has to come does not. */
  readonly perform: (scene: Scene) => Promise<Check[]>;
}
