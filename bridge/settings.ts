import {
  type Field,
  integer,
  oneOf,
  readFields,
  text,
  textList,
  type ValuesOf,
} from '../service/config-fields.js';

const DAY_SECONDS = 86_400;

/** Every setting of the bridge, all from the environment. What has no default must be given. */
export const SETTINGS_SCHEMA = {
  HOST: text({ default: '0.0.0.0', description: 'Address to listen on' }),
  PORT: integer({
    default: 8080,
    min: 0,
    max: 65_535,
    description: 'Port to listen on; 0 takes any free one',
  }),
  LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    description: 'Least severe level that is logged',
  }),
  ALERTS_TOKEN_FILE: text({
    default: undefined,
    description:
      'File with the bearer token that Alertmanager sends; at least 16 characters, read anew for each',
  }),
  GITHUB_TOKEN_FILE: text({
    default: undefined,
    description:
      'File with a token for GitHub (contents: write to dispatch, actions: read to see how trainings ended); read anew for each call',
  }),
  GITHUB_REPOSITORY: text({
    default: undefined,
    pattern: /^[A-Za-z0-9-]{1,39}\/[A-Za-z0-9._-]{1,100}$/,
    hint: 'is not owner/name',
    description: 'Repository with the workflow retrain.yml, owner/name',
  }),
  GITHUB_API_URL: text({
    default: 'https://api.github.com',
    pattern: /^https?:\/\/[^?#]+$/,
    hint: 'is not an http:// or https:// address',
    description: 'Where the API is; https://HOST/api/v3 for GitHub Enterprise',
  }),
  STATE_FILE: text({
    default: undefined,
    description: 'File with what was dispatched; its folder must be writable and outlive a restart',
  }),
  MODELS: textList({
    default: ['digits'],
    description:
      'Models that may be trained, separated by commas: those with the network of training/model.py',
  }),
  DEDUPLICATION_WINDOW_SECONDS: integer({
    default: DAY_SECONDS,
    min: 1,
    max: 31 * DAY_SECONDS,
    description: 'For how long the same group of alerts asks for no second training of its model',
  }),
  COOLDOWN_SECONDS: integer({
    default: DAY_SECONDS / 4,
    min: 0,
    max: 31 * DAY_SECONDS,
    description: 'For how long after a dispatch no alert asks for another training of that model',
  }),
  DAILY_LIMIT: integer({
    default: 3,
    min: 1,
    max: 100,
    description: 'Dispatches within any 24 hours, of all models together',
  }),
  MAX_FAILED_TRAININGS: integer({
    default: 3,
    min: 1,
    max: 20,
    description: 'Trainings of a model that fail one after the other before no more are asked for',
  }),
  FAILED_TRAININGS_PAUSE_SECONDS: integer({
    default: 3 * DAY_SECONDS,
    min: 1,
    max: 365 * DAY_SECONDS,
    description:
      'For how long after the last of them; then one is tried. One by hand that succeeds ends it at once',
  }),
} as const satisfies Record<string, Field<unknown>>;

/** The settings in use, by their names in the environment. */
export type Settings = ValuesOf<typeof SETTINGS_SCHEMA>;

/** Reads every setting. An empty variable counts as unset. Throws one sentence that names every fault. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  return readFields(SETTINGS_SCHEMA, environment);
}
