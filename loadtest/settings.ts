/** k6 reads this file as it is: nothing of Node in here or in what it imports. */
import { type Field, integer, oneOf, text } from '../service/config-fields.ts';
import { SCENARIO_NAMES, SCENARIOS, type ScenarioName, type Stage, stagesOf } from './scenarios.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
export type Fields = Readonly<Record<string, Field<unknown>>>;
type Values<Table extends Fields> = {
  readonly [Name in keyof Table]: Table[Name] extends Field<infer Value> ? Value : never;
};

const BY_SCENARIO = 'by scenario';

export const SETTINGS = {
  TARGET: text({
    default: 'http://localhost:8080',
    pattern: /^https?:\/\/[^/\s]+/,
    hint: 'is not an http:// or https:// address',
    description: 'The server; /predict is added',
  }),
  SCENARIO: oneOf(SCENARIO_NAMES, {
    default: 'steady',
    description: 'What is asked of the server; in k6 the script decides',
  }),
  RATE: integer({
    default: undefined,
    defaultText: BY_SCENARIO,
    min: 1,
    max: 100_000,
    description: 'Requests per second, whether or not the earlier ones are answered; in spike, at the peak',
  }),
  DURATION: duration({ default: undefined, defaultText: BY_SCENARIO, description: 'Length of the run' }),
  VUS: integer({
    default: undefined,
    defaultText: BY_SCENARIO,
    min: 1,
    max: 10_000,
    description: 'Connections; a request that is due while all are busy is dropped, and counted',
  }),
  // autocannon's clock for this has no finer hand.
  TIMEOUT: duration({
    default: '10s',
    atLeast: 1,
    description: 'A request that takes longer has failed; from 1s',
  }),
  IMAGES: text({
    default: 'service/models/digits',
    description:
      'Folder with a model.json, whose golden images are posted; or (not in k6) a folder of images. For these, and for another model, the first answers count as right',
  }),
  UPLOAD: oneOf(['raw', 'multipart'], {
    default: 'raw',
    description: 'The image as the body, or as form field file',
  }),
  API_KEY: text({ default: undefined, description: 'Sent as X-API-Key', secret: true }),
  HOST_HEADER: text({
    default: undefined,
    description: 'Sent as Host, for a gateway that routes by it',
  }),
  OUT: text({ default: 'loadtest/results', description: 'Folder for the reports' }),
} satisfies Fields;

/** What one request looks like. */
export interface Requests {
  readonly images: string;
  readonly upload: 'raw' | 'multipart';
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
}

export interface Settings {
  readonly target: string;
  readonly scenario: ScenarioName;
  /** The highest arrival rate, requests per second. */
  readonly rate: number;
  readonly seconds: number;
  readonly vus: number;
  readonly stages: readonly Stage[];
  readonly requests: Requests;
  readonly out: string;
}

/** Throws one sentence about every setting that is wrong. */
export function readSettings(environment: Environment, fixed?: ScenarioName): Settings {
  const given = readFields(SETTINGS, environment);
  const scenario = fixed ?? given.SCENARIO;
  const { legs, ...defaults } = SCENARIOS[scenario];
  const rate = given.RATE ?? defaults.rate;
  const seconds = given.DURATION === undefined ? defaults.seconds : secondsOf(given.DURATION);
  return {
    target: given.TARGET.replace(/\/+$/, ''),
    scenario,
    rate,
    seconds,
    vus: given.VUS ?? defaults.vus,
    stages: stagesOf(legs, rate, seconds),
    requests: requestsOf(given),
    out: given.OUT,
  };
}

type RequestFields = Pick<
  Values<typeof SETTINGS>,
  'IMAGES' | 'UPLOAD' | 'TIMEOUT' | 'API_KEY' | 'HOST_HEADER'
>;

export function requestsOf(given: RequestFields): Requests {
  return {
    images: given.IMAGES,
    upload: given.UPLOAD,
    timeoutSeconds: secondsOf(given.TIMEOUT),
    headers: {
      ...(given.API_KEY !== undefined && { 'x-api-key': given.API_KEY }),
      ...(given.HOST_HEADER !== undefined && { host: given.HOST_HEADER }),
    },
  };
}

export function readFields<Table extends Fields>(table: Table, environment: Environment): Values<Table> {
  const faults: string[] = [];
  const entries = Object.entries(table).map(([name, field]) => {
    const given = environment[name]?.trim() ?? '';
    try {
      return [name, given === '' ? field.default : field.parse(given)] as const;
    } catch (error) {
      const shown = field.secret ? '' : ` (given: ${JSON.stringify(given)})`;
      faults.push(`${name} ${error instanceof Error ? error.message : error}${shown}`);
      return [name, field.default] as const;
    }
  });
  if (faults.length > 0) throw new Error(`settings: ${faults.join('; ')}`);
  return Object.fromEntries(entries) as Values<Table>;
}

const SECONDS_PER_UNIT: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 };
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;

/** A length of time in k6's manner: 500ms, 30s, 5m, 1h. */
export function duration<Value extends string | undefined>(options: {
  readonly default: Value;
  readonly defaultText?: string;
  readonly description: string;
  /** Seconds. */
  readonly atLeast?: number;
}): Field<string | Value> {
  const field = text(options);
  return {
    ...field,
    type: 'duration',
    parse(given) {
      const seconds = secondsOf(given);
      if (!(seconds > 0)) throw new Error('is not a length like 30s or 5m');
      if (seconds < (options.atLeast ?? 0)) throw new Error(`is below ${options.atLeast}s`);
      return given;
    },
  };
}

export function secondsOf(given: string): number {
  const [, number = '', unit = ''] = DURATION.exec(given) ?? [];
  return Number(number) * (SECONDS_PER_UNIT[unit] ?? Number.NaN);
}
