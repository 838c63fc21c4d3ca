/** How a command ends, but for `serve`, whose codes are those of serve.ts. */
export const EXIT_CODES = {
  done: 0,
  /** Some images could not be answered. */
  failedImages: 1,
  /** What was typed cannot be understood. */
  usage: 2,
  /** It could not go on: no model, no room to write to. */
  cannotGoOn: 3,
  /** It was asked to end before it was done: 128 and the number of SIGINT, as shells count. */
  stopped: 130,
} as const;

/** What was typed cannot be understood; the message is one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What keeps a command from its end; the message is one line. */
export class CannotGoOn extends Error {
  override readonly name = 'CannotGoOn';
}
