import type { Feedback, JudgedModel, Verdict } from '../answer-keeper.js';
import { messageOf, ServiceError } from '../errors.js';
import { agrees, type Claim } from '../tasks/claim.js';
import type { Answer } from '../tasks/task.js';
import { dayOf, folderOf, stemOf } from './names.js';
import type { RecentAnswer, RecentAnswers } from './recent-answers.js';
import { type Store, within } from './store.js';

/** What may be kept at once. */
const MAX_UNDER_WAY = 32;
/** For all that one of them asks of the storage. */
const LIMIT_MS = 5000;
/** How long ago an image may have been answered by another process for its record to be found. */
const LOOKED_UP_DAYS = 7;
const DAY_MS = 86_400_000;

export interface FeedbackRecorderOptions {
  readonly store: Store;
  readonly recent: RecentAnswers;
  readonly onJudged: (model: string, verdict: Verdict) => void;
  /** Told why one could not be kept. */
  readonly onFailure: (error: unknown) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Where feedback belongs, and what it is held against. */
interface Place {
  readonly folder: string;
  readonly claim: Claim | undefined;
  /** Where the answer is this process's own. */
  readonly recent?: RecentAnswer;
}

/** Takes feedback in: finds the answer that it is on, keeps it beside that, and counts it once. */
export class FeedbackRecorder {
  readonly #options: FeedbackRecorderOptions;
  /** The images whose feedback is being kept, by their names. */
  readonly #underWay = new Set<string>();

  constructor(options: FeedbackRecorderOptions) {
    this.#options = options;
  }

  /** Errors are those of AnswerKeeper.judge. */
  async judge(feedback: Feedback, model: JudgedModel, signal: AbortSignal): Promise<Verdict> {
    const stem = stemOf(feedback.requestId, feedback.index);
    this.#demandPlace(stem);
    this.#underWay.add(stem);
    try {
      return await within(LIMIT_MS, signal, (limited) => this.#keep(feedback, stem, model, limited));
    } catch (error) {
      signal.throwIfAborted();
      this.#options.onFailure(error);
      const detail = 'The feedback could not be kept: its storage fails or does not answer. Try again.';
      throw new ServiceError('STORAGE_UNAVAILABLE', detail, { cause: messageOf(error) });
    } finally {
      this.#underWay.delete(stem);
    }
  }

  #demandPlace(stem: string): void {
    // Both would find that they are the first, and count.
    if (this.#underWay.has(stem))
      throw new ServiceError('OVERLOADED', 'Feedback on this image is being kept already.');
    if (this.#underWay.size >= MAX_UNDER_WAY)
      throw new ServiceError('OVERLOADED', `${MAX_UNDER_WAY} labels are being kept already.`);
  }

  async #keep(feedback: Feedback, stem: string, model: JudgedModel, signal: AbortSignal): Promise<Verdict> {
    const { store, onJudged, now } = this.#options;
    const { folder, claim, recent } = await this.#placeOf(stem, model, signal);
    const path = `${folder}/${stem}.feedback.json`;
    const isRepeated = recent?.isJudged === true || (await store.read(path, signal)) !== undefined;
    const bytes = Buffer.from(JSON.stringify(documentOf(feedback, now())));
    await store.write([{ path, bytes, type: 'application/json' }], signal);
    const verdict = verdictOf(claim, feedback.truth);
    if (!isRepeated) onJudged(model.reference.name, verdict);
    if (recent !== undefined) recent.isJudged = true;
    return verdict;
  }

  async #placeOf(stem: string, model: JudgedModel, signal: AbortSignal): Promise<Place> {
    const { recent, now } = this.#options;
    const own = recent.get(stem);
    if (own !== undefined) return { folder: folderOf(own.model, own.day), claim: own.claim, recent: own };
    const days = Array.from({ length: LOOKED_UP_DAYS }, (_, ago) => dayOf(now() - ago * DAY_MS));
    const places = await Promise.all(days.map((day) => this.#recordOf(stem, day, model, signal)));
    return (
      places.find((place) => place !== undefined) ?? {
        folder: folderOf(model.reference, dayOf(now())),
        claim: undefined,
      }
    );
  }

  /** What another process kept of that day. */
  async #recordOf(
    stem: string,
    day: string,
    model: JudgedModel,
    signal: AbortSignal,
  ): Promise<Place | undefined> {
    const folder = folderOf(model.reference, day);
    const bytes = await this.#options.store.read(`${folder}/${stem}.json`, signal);
    return bytes && { folder, claim: claimOf(bytes, model) };
  }
}

function documentOf({ requestId, index, truth }: Feedback, atMs: number): Record<string, unknown> {
  return { request_id: requestId, index: index ?? 0, ...truth, given_at: new Date(atMs).toISOString() };
}

function verdictOf(claim: Claim | undefined, truth: Claim): Verdict {
  if (claim === undefined) return 'unknown';
  return agrees(claim, truth) ? 'correct' : 'wrong';
}

/**
 * Undefined also of what was kept for being uncertain: those answers are wrong more often than others, which other
 * processes have forgotten.
 */
function claimOf(bytes: Uint8Array, model: JudgedModel): Claim | undefined {
  try {
    const record = JSON.parse(Buffer.from(bytes).toString()) as { why?: unknown; answer: Answer };
    return record.why === 'sampled' ? model.claim(record.answer) : undefined;
  } catch {
    return undefined;
  }
}
