/** A scale's ends, and where it is marked. */
export interface Scale {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  /** 0 at the beginning, 1 at the end. */
  at(value: number): number;
}

const STEPS = [1, 2, 5, 10];

/** From 0 to a round number not below the highest value. */
export function linearScale(highest: number, ticks: number): Scale {
  const rough = (highest > 0 ? highest : 1) / ticks;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = (STEPS.find((each) => each * magnitude >= rough * (1 - 1e-9)) ?? 10) * magnitude;
  const to = Math.ceil(((highest > 0 ? highest : 1) / step) * (1 - 1e-9)) * step;
  const marks = Array.from({ length: Math.round(to / step) + 1 }, (_, index) => round(index * step));
  return { from: 0, to, ticks: marks, at: (value) => value / to };
}

/** Between the steps 1, 2, 5 of the decimal system around the values, all above 0. */
export function logScale(lowest: number, highest: number): Scale {
  const decade = 10 ** Math.floor(Math.log10(lowest));
  const candidates: number[] = [];
  for (let power = decade; power <= highest * 10; power *= 10)
    candidates.push(...[1, 2, 5].map((step) => round(step * power)));
  const first = candidates.findLastIndex((tick) => tick <= lowest);
  const last = candidates.findIndex((tick) => tick >= highest);
  const ticks = candidates.slice(Math.max(0, first), Math.max(last, first + 1) + 1);
  const from = ticks[0] ?? lowest;
  const to = ticks.at(-1) ?? highest;
  return { from, to, ticks, at: (value) => Math.log(value / from) / Math.log(to / from) };
}

function round(value: number): number {
  return Number(value.toPrecision(12));
}
