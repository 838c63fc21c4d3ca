export type Outcome = 'pass' | 'inconclusive' | 'fail';

/** A crossed gate as k6 has it. Each differs from that of a broken run, so that a pipeline can tell them apart. */
export const EXIT_CODES: Readonly<Record<Outcome, number>> = { pass: 0, inconclusive: 2, fail: 99 };
const COULD_NOT_RUN = 1;

/** Ends the process with the code of the outcome, or 1 where there is none. */
export function exitWith(outcome: Promise<Outcome>): void {
  outcome.then(
    (reached) => {
      process.exitCode = EXIT_CODES[reached];
    },
    (error: unknown) => {
      console.error(`load test: ${error instanceof Error ? error.message : error}`);
      process.exitCode = COULD_NOT_RUN;
    },
  );
}
