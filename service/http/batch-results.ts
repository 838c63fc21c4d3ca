import { setImmediate as nextTurn } from 'node:timers/promises';

/** JSON of all results of one answer, characters. */
const MAX_CHARACTERS = 16 * 1024 * 1024;
/** How long writing may keep the event loop from everybody else; the largest result alone takes about as long. */
const TURN_MS = 5;

/**
 * Writes results as a JSON array, one by one, so that other requests come in between.
 * @param itemOf what is written of a result
 * @param tooLarge takes the place of those for which there is no room
 * @returns the array, and what was written in the end
 */
export async function writeResults<Outcome>(
  outcomes: readonly Outcome[],
  itemOf: (outcome: Outcome, index: number) => object,
  tooLarge: Outcome,
): Promise<{ readonly text: string; readonly written: readonly Outcome[] }> {
  const pieces: string[] = [];
  const written: Outcome[] = [];
  let characters = 0;
  let turnAt = performance.now();
  for (const [index, outcome] of outcomes.entries()) {
    const piece = JSON.stringify(itemOf(outcome, index));
    const fits = characters + piece.length <= MAX_CHARACTERS;
    if (fits) characters += piece.length;
    pieces.push(fits ? piece : JSON.stringify(itemOf(tooLarge, index)));
    written.push(fits ? outcome : tooLarge);
    if (performance.now() - turnAt < TURN_MS) continue;
    await nextTurn();
    turnAt = performance.now();
  }
  return { text: `[${pieces.join(',')}]`, written };
}
