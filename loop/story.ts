/** Who did what happened. */
export type Actor =
  | 'camera'
  | 'service'
  | 'alert'
  | 'bridge'
  | 'training'
  | 'registry'
  | 'git'
  | 'people'
  | 'play';

export interface Event {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly actor: Actor;
  readonly text: string;
}

/** What happens in a play: said as it happens, and kept for the page. */
export class Story {
  readonly startedAt = Date.now();
  readonly events: Event[] = [];
  readonly #write: (line: string) => void;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /** An event of the play. */
  tell(actor: Actor, text: string): void {
    const at = Date.now();
    this.events.push({ at, actor, text });
    this.#print(at, actor, text);
  }

  /** A detail: said, and not kept. */
  mention(actor: Actor, text: string): void {
    this.#print(Date.now(), actor, `  ${text}`);
  }

  #print(at: number, actor: Actor, text: string): void {
    const seconds = ((at - this.startedAt) / 1000).toFixed(1).padStart(6);
    this.#write(`${new Date(at).toISOString().slice(11, 19)} ${seconds} s  ${actor.padEnd(8)} ${text}`);
  }
}
