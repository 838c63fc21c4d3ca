/** How quickly a play goes. */
export interface Pace {
  /** How long a minute of the alert rules takes: an hour's window is 60 times that. */
  readonly secondsOfMinute: number;
  readonly imagesPerSecond: number;
  /** Arguments of loop.py. */
  readonly training: readonly string[];
}

export const FULL: Pace = {
  secondsOfMinute: 1,
  imagesPerSecond: 20,
  training: ['--samples', '10000', '--epochs', '3'],
};

/** Windows of three quarters of a minute, and a training of a minute. */
export const SHORT: Pace = {
  secondsOfMinute: 0.75,
  imagesPerSecond: 20,
  training: ['--samples', '5000', '--epochs', '2'],
};

/** Seconds of so many minutes of the rules. */
export function seconds(pace: Pace, minutes: number): number {
  return pace.secondsOfMinute * minutes;
}
