import { failureName, labelOf } from '../answers.js';
import type { Image } from '../images.js';
import { parseServerTiming, type Stage } from '../server-timing.js';
import type { Flight } from './connection.js';

/** What became of one request. Times in milliseconds. */
export interface Sample {
  /** When it was due, from the start of the run. */
  readonly atMs: number;
  /** How long after that it was sent: the generator's own delay. */
  readonly lateMs: number;
  /** From when it was due (or sent, where that was earlier) to the last byte of the answer. */
  readonly latencyMs: number;
  /** Why there is no answer 200. */
  readonly failure?: string;
  readonly wrong?: WrongAnswer;
  readonly stages?: Partial<Record<Stage, number>>;
}

export interface WrongAnswer {
  readonly image: string;
  readonly expected: string;
  readonly answered: string | undefined;
}

export interface Answer {
  readonly image: Image;
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** Keeps the books of a run: every request that was sent becomes one sample. */
export class Ledger {
  readonly samples: Sample[] = [];
  startMs = 0;
  errors = 0;
  dropped = 0;
  inFlight = 0;
  readonly #labels: Map<Image, string>;

  /** @param labels right answers; grows where nobody has said them */
  constructor(labels: Map<Image, string>) {
    this.#labels = labels;
  }

  sent(): void {
    this.inFlight++;
  }

  answered(flight: Flight, answer: Answer): void {
    if (answer.status !== 200) {
      this.lost(flight, failureName(answer.status, answer.body));
      return;
    }
    const wrong = this.#wrongness(answer);
    const stages = parseServerTiming(headerOf(answer, 'server-timing'));
    this.#land({ ...this.#times(flight), stages, ...(wrong !== undefined && { wrong }) });
  }

  lost(flight: Flight, failure: string): void {
    this.errors++;
    this.#land({ ...this.#times(flight), failure });
  }

  #land(sample: Sample): void {
    this.inFlight--;
    this.samples.push(sample);
  }

  #times({ dueMs, sentMs }: Flight): Pick<Sample, 'atMs' | 'lateMs' | 'latencyMs'> {
    return {
      atMs: dueMs - this.startMs,
      lateMs: Math.max(0, sentMs - dueMs),
      latencyMs: performance.now() - Math.min(dueMs, sentMs),
    };
  }

  #wrongness({ image, body }: Answer): WrongAnswer | undefined {
    const answered = labelOf(body);
    const expected = this.#labels.get(image) ?? answered;
    if (expected !== undefined) this.#labels.set(image, expected);
    if (answered !== undefined && answered === expected) return undefined;
    return { image: image.name, expected: expected ?? 'a label', answered };
  }
}

function headerOf({ headers }: Answer, wanted: string): string | undefined {
  const value = Object.entries(headers).find(([name]) => name.toLowerCase() === wanted)?.[1];
  return Array.isArray(value) ? value.join(', ') : typeof value === 'string' ? value : undefined;
}
