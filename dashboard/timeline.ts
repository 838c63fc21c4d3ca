import type { Entry } from './items.js';

/** Of pods, which come and go by hundreds, and of everything else: so many each, and neither drives the other out. */
export const MAX_OF_EACH = 1000;
/** Cut down then, and not with every line. */
const MAX_UNCUT = 4 * MAX_OF_EACH;

/** The newest lines, oldest first. */
export class Timeline {
  #entries: Entry[];

  constructor(entries: readonly Entry[] = []) {
    this.#entries = newestOf(entries);
  }

  get entries(): Entry[] {
    return newestOf(this.#entries);
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
    if (this.#entries.length > MAX_UNCUT) this.#entries = newestOf(this.#entries);
  }
}

function newestOf(entries: readonly Entry[]): Entry[] {
  const room = { pods: MAX_OF_EACH, others: MAX_OF_EACH };
  return entries
    .toReversed()
    .filter(({ kind }) => room[kind === 'pod' ? 'pods' : 'others']-- > 0)
    .reverse();
}
