const MAX_LENGTH = 300;

/** Text of somebody else's, cut to a length that a page can show; empty where there is none. */
export function text(value: unknown, maxLength = MAX_LENGTH): string {
  if (typeof value !== 'string') return '';
  return value.length <= maxLength ? value : `${value.slice(0, maxLength - 1)}…`;
}

/** A count of somebody else's; 0 where there is none. */
export function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

/** The value where it is one of the choices, else the last of them. */
export function oneOf<const Choice extends string>(
  value: unknown,
  choices: readonly [...Choice[], Choice],
): Choice {
  return choices.find((choice) => choice === value) ?? (choices.at(-1) as Choice);
}
