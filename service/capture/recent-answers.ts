import type { AnsweringModel } from '../answer-keeper.js';
import type { Claim } from '../tasks/claim.js';

/** All that is remembered takes about so much. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Of an answer with more of them nobody checks each. */
const MAX_OBJECTS = 100;
/** What an entry takes beside its texts, about; an object likewise. */
const ENTRY_BYTES = 300;
const OBJECT_BYTES = 150;

export interface RecentAnswer {
  readonly model: AnsweringModel;
  /** On which it was answered. */
  readonly day: string;
  readonly claim: Claim | undefined;
  /** Whether its feedback has been counted. */
  isJudged: boolean;
}

interface Entry {
  readonly answer: RecentAnswer;
  readonly bytes: number;
}

/** The latest answers of this process, by the name of their image: some ten thousand. The oldest is forgotten first. */
export class RecentAnswers {
  readonly #maxBytes: number;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(maxBytes: number = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get(stem: string): RecentAnswer | undefined {
    return this.#entries.get(stem)?.answer;
  }

  /** @returns false where an answer of that name is remembered already: it stays */
  add(stem: string, { model, day, claim }: Omit<RecentAnswer, 'isJudged'>): boolean {
    if (this.#entries.has(stem)) return false;
    const short = claim !== undefined && 'objects' in claim && claim.objects.length > MAX_OBJECTS;
    const answer = { model, day, claim: short ? undefined : claim, isJudged: false };
    const bytes = ENTRY_BYTES + 2 * stem.length + bytesOf(answer.claim);
    this.#entries.set(stem, { answer, bytes });
    this.#bytes += bytes;
    this.#forgetOldest();
    return true;
  }

  #forgetOldest(): void {
    for (const [stem, { bytes }] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#entries.delete(stem);
      this.#bytes -= bytes;
    }
  }
}

/** Labels are the model's own, and shared. */
function bytesOf(claim: Claim | undefined): number {
  return claim !== undefined && 'objects' in claim ? claim.objects.length * OBJECT_BYTES : 0;
}
