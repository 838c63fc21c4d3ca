import type { Terminal } from '../command.js';

const REDRAW_MS = 200;
const LINE_MS = 5000;
const BAR_WIDTH = 16;

export interface Progress {
  /** One more image has been answered. */
  count(isFailed: boolean): void;
  /** Takes itself off the screen. */
  end(): void;
}

/** How far it is, the pace and the time left: a bar for a person, a line every few seconds for a log. */
export function showProgress(stderr: Terminal['stderr'], total: number, isQuiet: boolean): Progress {
  const startedAt = performance.now();
  let answered = 0;
  let failed = 0;
  const text = (): string =>
    describe({ answered, failed, total, seconds: (performance.now() - startedAt) / 1000 });
  const draw = (): void => {
    if (stderr.isTTY !== true) stderr.write(`${text()}\n`);
    else stderr.write(`\r${`${bar(answered, total)} ${text()}`.slice(0, (stderr.columns ?? 80) - 1)}\x1b[K`);
  };
  const timer = isQuiet ? undefined : setInterval(draw, stderr.isTTY === true ? REDRAW_MS : LINE_MS).unref();
  return {
    count(isFailed) {
      answered += 1;
      if (isFailed) failed += 1;
    },
    end() {
      clearInterval(timer);
      if (timer !== undefined && stderr.isTTY === true) stderr.write('\r\x1b[K');
    },
  };
}

interface State {
  readonly answered: number;
  readonly failed: number;
  readonly total: number;
  readonly seconds: number;
}

/** As in `120/1000 images, 2 failed, 81 a second, 11 s left`. */
export function describe({ answered, failed, total, seconds }: State): string {
  const pace = seconds > 0 ? answered / seconds : 0;
  const left =
    pace > 0
      ? `, ${pace.toFixed(pace < 10 ? 1 : 0)} a second, ${duration((total - answered) / pace)} left`
      : '';
  return `${answered}/${total} images${failed > 0 ? `, ${failed} failed` : ''}${left}`;
}

/** As in `42 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes} min ${whole % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function bar(done: number, total: number): string {
  const filled = total === 0 ? BAR_WIDTH : Math.floor((done / total) * BAR_WIDTH);
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}]`;
}
