import { integer, text } from '../../service/config-fields.ts';
import {
  duration,
  type Environment,
  type Fields,
  type Requests,
  readFields,
  requestsOf,
  SETTINGS,
  secondsOf,
} from '../settings.ts';

const A_SERVER =
  'a URL, a commit, . (this checkout), model:PATH (this checkout with that model) or peer:fastapi';

export const COMPARE_SETTINGS = {
  BASE: text({
    default: undefined,
    defaultText: 'where HEAD left origin/main, or main',
    description: `What is compared against: ${A_SERVER}`,
  }),
  CANDIDATE: text({ default: '.', description: `What is judged: ${A_SERVER}` }),
  ROUNDS: integer({
    default: 8,
    // Of fewer the lowest and the highest do not enclose the median in 95 of 100 cases.
    min: 6,
    max: 100,
    description:
      'Rounds before the first verdict; in each both servers are measured, in turns the one or the other first',
  }),
  TIME_LIMIT: duration({
    default: '10m',
    description: 'As long as the verdict is open, rounds are added; none begins after this time',
  }),
  ROUND_DURATION: duration({
    default: '4s',
    description:
      'Length of each latency measurement; half of it for requests/s and for each point of the chart',
  }),
  RATE: integer({
    default: undefined,
    defaultText: 'half of what the slower one can take',
    min: 1,
    max: 100_000,
    description: 'Requests per second at which latency is measured',
  }),
  VUS: integer({ default: 64, min: 1, max: 10_000, description: SETTINGS.VUS.description }),
  TIMEOUT: SETTINGS.TIMEOUT,
  IMAGES: SETTINGS.IMAGES,
  UPLOAD: SETTINGS.UPLOAD,
  API_KEY: SETTINGS.API_KEY,
  HOST_HEADER: SETTINGS.HOST_HEADER,
  OUT: SETTINGS.OUT,
  PEER_PYTHON: text({
    default: undefined,
    description: 'For peer:fastapi: Python with loadtest/peers/fastapi/requirements.txt',
  }),
} satisfies Fields;

export interface CompareSettings {
  readonly base: string | undefined;
  readonly candidate: string;
  readonly rounds: number;
  readonly roundSeconds: number;
  readonly timeLimitSeconds: number;
  readonly rate: number | undefined;
  readonly vus: number;
  readonly requests: Requests;
  readonly out: string;
  readonly peerPython: string | undefined;
}

/** Throws one sentence about every setting that is wrong. */
export function readCompareSettings(environment: Environment): CompareSettings {
  const given = readFields(COMPARE_SETTINGS, environment);
  return {
    base: given.BASE,
    candidate: given.CANDIDATE,
    rounds: given.ROUNDS,
    roundSeconds: secondsOf(given.ROUND_DURATION),
    timeLimitSeconds: secondsOf(given.TIME_LIMIT),
    rate: given.RATE,
    vus: given.VUS,
    requests: requestsOf(given),
    out: given.OUT,
    peerPython: given.PEER_PYTHON,
  };
}
