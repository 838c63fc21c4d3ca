import type { AnswerRecord } from './record.js';

/** What one line of an output says of itself, as far as going on with it needs to know. */
export interface WrittenRecord {
  readonly file: string;
  /** Of the model that answered. */
  readonly digest: string;
  /** As `parametersText` gives them. */
  readonly parameters: string;
  readonly isError: boolean;
  /** Whether this is the last line of its file's. */
  readonly isLast: boolean;
}

/** How answers are written down. */
export interface AnswerFormat {
  readonly contentType: string;
  /** What a file begins with; empty, or ends with a line break. */
  readonly header: string;
  /** Whether a line break inside quotes belongs to a value. */
  readonly isQuoted: boolean;
  /** Whole lines. */
  encode(record: AnswerRecord): string;
  /** Undefined where the line was not written by this. */
  decode(line: string): WrittenRecord | undefined;
  /** Whether it may be the begin of a line that was not written to its end. */
  isTorn(text: string): boolean;
}
