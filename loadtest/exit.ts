/** As k6 has it, so that a crossed gate and a broken run look different to a pipeline. */
export const GATE_CROSSED = 99;
const COULD_NOT_RUN = 1;

/** Ends the process: 0 where the outcome is good, 99 where it is not, 1 where there is none. */
export function exitWith(outcome: Promise<boolean>): void {
  outcome.then(
    (good) => {
      process.exitCode = good ? 0 : GATE_CROSSED;
    },
    (error: unknown) => {
      console.error(`load test: ${error instanceof Error ? error.message : error}`);
      process.exitCode = COULD_NOT_RUN;
    },
  );
}
