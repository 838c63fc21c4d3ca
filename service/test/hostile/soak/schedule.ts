export interface Repetition {
  stop(): void;
}

/** Does something at fixed times: a late one does not put off those after it. */
export function everyMs(intervalMs: number, act: () => void): Repetition {
  let due = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const tick = (): void => {
    while (performance.now() >= due) {
      due += intervalMs;
      act();
    }
    timer = setTimeout(tick, due - performance.now());
  };
  timer = setTimeout(tick, 0);
  return { stop: () => clearTimeout(timer) };
}
