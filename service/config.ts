import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Field, flag, integer, listOf, oneOf, share, text, textList } from './config-fields.js';
import { messageOf, ServiceError } from './errors.js';
import { OWN_MODELS } from './package-files.js';
import { IMAGE_FORMATS } from './preprocess/image.js';

const MiB = 1024 * 1024;
const AUTO = 'by CPU quota';
/** Where descriptions begin: after the longest name. */
const HELP_COLUMN = 36;

/** Of what has a host. */
const ADDRESS = /^https?:\/\/[^\s/?#]+/;

/** Every setting there is: name in the environment, type, default, unit (in the name) and consequence. */
export const CONFIG_SCHEMA = {
  HOST: text({ default: '0.0.0.0', description: 'Address to listen on' }),
  PORT: integer({
    default: 8080,
    min: 0,
    max: 65_535,
    description: 'Port to listen on; 0 takes any free one',
  }),
  MANAGEMENT_PORT: integer({
    default: undefined,
    min: 0,
    max: 65_535,
    description: 'Moves /health, /ready and /metrics to a port of their own',
  }),
  LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    description: 'Least severe level that is logged',
  }),
  LOG_FORMAT: oneOf(['auto', 'json', 'pretty'], {
    default: 'auto',
    description: 'auto: pretty in a terminal, JSON elsewhere',
  }),

  MODEL_URI: text({
    default: join(OWN_MODELS, 'digits'),
    defaultText: 'service/models/digits',
    description:
      'The model: a folder, model.json or .onnx file as path, file://, s3://bucket/key-or-prefix, https://, hf://org/repo, hf://org/repo@revision/path or models:/name@alias',
  }),
  MODEL_SHA256: text({
    default: undefined,
    pattern: /^(sha256:|sha256-files:)?[0-9a-f]{64}$/,
    hint: 'is not a sha256 in 64 lower-case hex digits, after sha256-files: for a model with external data',
    description:
      'Digest that the model must have, whatever its manifest says; with external data it begins with sha256-files:',
  }),
  MODEL_CACHE_DIR: text({
    default: join(tmpdir(), `cv-inference-models-${process.getuid?.() ?? 'user'}`),
    defaultText: 'cv-inference-models-UID in the temporary folder',
    description:
      'Where downloaded models are kept, by digest, such that no other user can change them; in a folder that others may write, in cv-inference-UID',
  }),
  MODEL_CACHE_MAX_BYTES: integer({
    default: 20 * 1024 * MiB,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    description:
      'Size of that folder, beyond which a download removes the models that were longest not used; those in use stay',
  }),
  MODEL_MAX_BYTES: integer({
    default: 4096 * MiB,
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    description: 'Largest model that is downloaded',
  }),
  MODEL_LOAD_TIMEOUT_MS: integer({
    default: 300_000,
    min: 100,
    max: 86_400_000,
    description: 'How long ONNX Runtime may take to load the model, in each process and thread that does',
  }),
  MODEL_HTTP_TOKEN: text({
    default: undefined,
    secret: true,
    description: 'Bearer token for a model from https://',
  }),
  HF_TOKEN: text({
    default: undefined,
    secret: true,
    pattern: /^[\x21-\x7e]+$/,
    hint: 'holds a character that no token has',
    description: 'Token for a model from hf:// that is private or gated; sent to the Hub alone',
  }),
  HF_ENDPOINT: text({
    default: undefined,
    defaultText: 'https://huggingface.co',
    pattern: /^https?:\/\//,
    hint: 'is not an http:// or https:// address',
    description: 'Hub that hf:// means, such as a mirror',
  }),
  MLFLOW_TRACKING_URI: text({
    default: undefined,
    secret: true,
    pattern: /^https?:\/\//,
    hint: 'is not an http:// or https:// address',
    description: 'MLflow server whose registry models:/ means; may hold user:password@',
  }),
  MLFLOW_TRACKING_TOKEN: text({
    default: undefined,
    secret: true,
    pattern: /^[\x21-\x7e]+$/,
    hint: 'holds a character that no token has',
    description: 'Bearer token for that server; sent to it alone',
  }),
  AWS_ENDPOINT_URL_S3: text({
    default: undefined,
    pattern: /^https?:\/\//,
    hint: 'is not an http:// or https:// address',
    description: 'S3 server other than AWS; like credentials and region the standard AWS variable',
  }),
  S3_FORCE_PATH_STYLE: flag({
    default: undefined,
    defaultText: 'true with AWS_ENDPOINT_URL_S3',
    description: 'Bucket in the path, as most S3 servers other than AWS want',
  }),

  EXECUTION_PROVIDERS: listOf(['cpu', 'cuda', 'tensorrt', 'webgpu', 'dml', 'coreml'], {
    default: ['cpu'],
    description: 'Tried in order; what is really in use is in /model and the metrics',
  }),
  WORKERS: integer({
    default: undefined,
    defaultText: AUTO,
    min: 1,
    max: 256,
    description: 'Inference threads; each holds a copy of the weights',
  }),
  INTRA_OP_THREADS: integer({
    default: undefined,
    defaultText: AUTO,
    min: 1,
    max: 256,
    description: 'Threads of one run: more serve a lone client faster, a crowd slower',
  }),
  DECODE_CONCURRENCY: integer({
    default: undefined,
    defaultText: AUTO,
    min: 1,
    max: 256,
    description: 'Processes that decode what the workers do not, one image at a time each',
  }),
  MAX_BATCH_SIZE: integer({
    default: undefined,
    defaultText: '4 on a CPU, 32 on a GPU',
    min: 1,
    max: 1024,
    description: 'Images per run',
  }),
  MAX_BATCH_WAIT_MS: integer({
    default: 0,
    min: 0,
    max: 60_000,
    description: 'How long an image waits for company; 0 never waits',
  }),
  RUN_TIMEOUT_MS: integer({
    default: 60_000,
    min: 100,
    max: 3_600_000,
    description: 'A run that takes longer is given up and its thread replaced',
  }),

  MAX_EXPECTED_WAIT_MS: integer({
    default: 2000,
    min: 1,
    max: 3_600_000,
    description:
      'Longest time from arrival to answer that an image is admitted for, decoding included; beyond it OVERLOADED',
  }),
  MAX_IN_FLIGHT_IMAGES: integer({
    default: undefined,
    defaultText: '1024 per core',
    min: 1,
    max: 100_000,
    description:
      'Images in flight, from their arrival to their answer; beyond it OVERLOADED. Single images and batches leave each other a quarter',
  }),
  MAX_IN_FLIGHT_BYTES: integer({
    default: undefined,
    defaultText: 'an eighth of the memory limit',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    description:
      'Bodies that have arrived and are not answered yet, and answers that are not read yet, each; beyond it OVERLOADED, unless there is only one, or the end of the slowest reader',
  }),
  MAX_QUEUE_BYTES: integer({
    default: undefined,
    defaultText: 'an eighth of the memory limit, at most 134217728',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    description: 'Files and pixels that may wait for a worker',
  }),
  REQUEST_TIMEOUT_MS: integer({
    default: 10_000,
    min: 1,
    max: 3_600_000,
    description: 'Deadline of a request from its first byte; a client lowers it with x-request-timeout-ms',
  }),
  MIN_BODY_BYTES_PER_SECOND: integer({
    default: 1024,
    min: 0,
    max: 1024 * MiB,
    description: 'Pace of a body, in the mean after two seconds, below which it is given up; 0: none',
  }),
  MAX_IMAGE_BYTES: integer({
    default: 10 * MiB,
    min: 1,
    max: 1024 * MiB,
    description: 'Size of one image file',
  }),
  MAX_IMAGE_PIXELS: integer({
    default: 25_000_000,
    min: 1,
    max: 268_000_000,
    description: 'Width times height of one image',
  }),
  MAX_BATCH_IMAGES: integer({
    default: 32,
    min: 1,
    max: 1000,
    description: 'Images in one /predict/batch request',
  }),
  MAX_BATCH_BYTES: integer({
    default: 40 * MiB,
    min: 1,
    max: 1024 * MiB,
    description: 'Size of one /predict/batch request',
  }),
  INPUT_STATISTICS: flag({
    default: true,
    description:
      'Whether statistics of images and answers are counted, by which drift is noticed: metrics.md',
  }),
  IMAGE_FORMATS: listOf(IMAGE_FORMATS, {
    default: ['jpeg', 'png', 'webp'],
    description: 'What is decoded; everything else is refused',
  }),

  CAPTURE_TO: text({
    default: undefined,
    defaultText: 'off',
    pattern: /^(s3:\/\/[^/@?#]+(\/.*)?|file:\/\/\/.+|(?!\w+:\/\/).+)$/i,
    hint: 'is neither a folder nor s3://bucket/prefix',
    description:
      'Keeps a sample of images and answers, and feedback on them, in a folder or under s3://bucket/prefix, and opens POST /feedback; these are the images of your users: docs/capture.md',
  }),
  CAPTURE_SHARE: share({
    default: 0.01,
    description: 'Share of all images that is kept, taken by chance',
  }),
  CAPTURE_UNCERTAIN_BELOW: share({
    default: 0.6,
    description: 'An image whose best score is below that is kept as well',
  }),
  CAPTURE_UNCERTAIN_PER_MINUTE: integer({
    default: 60,
    min: 0,
    max: 1_000_000,
    description: 'Most images that are kept for that, per minute and pod; those taken by chance do not count',
  }),
  CAPTURE_MAX_BYTES: integer({
    default: 1024 * MiB,
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    description:
      'Size of a folder of captures, beyond which the oldest are removed; a bucket has its own rules',
  }),
  CAPTURE_MAX_AGE_DAYS: integer({
    default: 30,
    min: 0,
    max: 36_500,
    description:
      'Age at which captures in a folder are removed, whole days UTC beside today; a bucket has its own rules',
  }),

  PLAYGROUND: oneOf(['on', 'off'], {
    default: 'on',
    description: 'Page at / on which people try the model in a browser: docs/playground.md',
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: text({
    default: undefined,
    defaultText: 'off',
    pattern: ADDRESS,
    hint: 'is not an http:// or https:// address',
    description:
      'OpenTelemetry collector that traces of requests are sent to, without /v1/traces; like all OTEL_* the standard variable: docs/tracing.md',
  }),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: text({
    default: undefined,
    pattern: ADDRESS,
    hint: 'is not an http:// or https:// address',
    description: 'The same, with the whole path; takes precedence',
  }),
  OTEL_EXPORTER_OTLP_PROTOCOL: oneOf(['http/protobuf', 'http/json'], {
    default: 'http/protobuf',
    description: 'How spans are sent to the collector; gRPC is not offered',
  }),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: oneOf(['http/protobuf', 'http/json'], {
    default: undefined,
    description: 'The same; takes precedence',
  }),
  OTEL_TRACES_EXPORTER: oneOf(['otlp', 'none'], {
    default: undefined,
    description:
      'otlp: traces are sent also where no endpoint is given, to http://localhost:4318; none: never',
  }),
  OTEL_SDK_DISABLED: flag({ default: false, description: 'Turns traces off, whatever else is set' }),
  OTEL_SERVICE_NAME: text({
    default: undefined,
    defaultText: 'cv-inference',
    description: 'Name of this service in traces',
  }),
  OTEL_TRACES_SAMPLER: oneOf(
    [
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ],
    {
      default: 'parentbased_always_on',
      description:
        'Which requests are traced; parentbased_: as their caller decides, and those without one by the rest of the name',
    },
  ),
  OTEL_TRACES_SAMPLER_ARG: share({ default: 1, description: 'Share of requests that traceidratio traces' }),

  DRAIN_DELAY_MS: integer({
    default: 5000,
    min: 0,
    max: 600_000,
    description: 'After SIGTERM: unready, but still serving, while load balancers notice (SIGINT skips it)',
  }),
  DRAIN_TIMEOUT_MS: integer({
    default: 20_000,
    min: 1,
    max: 600_000,
    description: 'After the delay: how long requests in flight may take before they are aborted',
  }),

  API_KEYS: textList({
    default: [],
    secret: true,
    description: 'Keys that open the API, separated by commas; several during a rotation',
  }),
  METRICS_REQUIRE_KEY: flag({
    default: false,
    description: 'Whether /metrics asks for an API key as well',
  }),
  RATE_LIMIT_PER_MINUTE: integer({
    default: 0,
    min: 0,
    max: 10_000_000,
    description: 'Requests per minute and client (API key where keys are set, else address); 0: no limit',
  }),
  TRUST_PROXY_HOPS: integer({
    default: 0,
    min: 0,
    max: 16,
    description:
      'Proxies in front that each add to X-Forwarded-For: the client address is taken that far from its end, where no client can forge it',
  }),
  CORS_ORIGINS: textList({
    default: [],
    description: 'Origins that browsers may call from; none by default',
  }),
} as const satisfies Record<string, Field<unknown>>;

type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<CamelCase<Tail>>}`
  : Lowercase<Name>;

type Schema = typeof CONFIG_SCHEMA;
type ValueOf<Entry> = Entry extends Field<infer Value> ? Value : never;

/** The settings in use, by the names of the schema in camelCase. */
export type Config = { readonly [Name in keyof Schema as CamelCase<Name>]: ValueOf<Schema[Name]> };

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads every setting. An empty variable counts as unset. Throws CONFIG_INVALID naming every fault at once. */
export function readConfig(environment: Environment): Config {
  const faults: string[] = [];
  const entries = Object.entries<Field<unknown>>(CONFIG_SCHEMA).map(([name, field]) => {
    return [camelCase(name), readField(name, field, environment[name], faults)] as const;
  });
  const config = Object.fromEntries(entries) as Config;
  if (faults.length === 0) faults.push(...crossFaults(config));
  if (faults.length > 0) throw new ServiceError('CONFIG_INVALID', faults.join('; '));
  return Object.freeze(config);
}

function readField(
  name: string,
  field: Field<unknown>,
  given: string | undefined,
  faults: string[],
): unknown {
  if (given === undefined || given.trim() === '') return field.default;
  try {
    return field.parse(given.trim());
  } catch (error) {
    const shown = field.secret ? '' : ` (given: ${JSON.stringify(withoutCredentials(given.slice(0, 100)))})`;
    faults.push(`${name} ${messageOf(error)}${shown}`);
    return field.default;
  }
}

function crossFaults(config: Config): string[] {
  const faults: string[] = [];
  if (config.managementPort !== undefined && config.managementPort === config.port && config.port !== 0) {
    faults.push('MANAGEMENT_PORT is the same as PORT');
  }
  if (config.maxBatchBytes < config.maxImageBytes) faults.push('MAX_BATCH_BYTES is below MAX_IMAGE_BYTES');
  if (config.maxBatchWaitMs >= config.requestTimeoutMs)
    faults.push('MAX_BATCH_WAIT_MS is not below REQUEST_TIMEOUT_MS');
  if (config.maxInFlightImages !== undefined && config.maxInFlightImages < config.maxBatchImages) {
    faults.push(
      'MAX_IN_FLIGHT_IMAGES is below MAX_BATCH_IMAGES, so that a full batch request could never enter',
    );
  }
  const { otelExporterOtlpEndpoint, otelExporterOtlpTracesEndpoint } = config;
  if (otelExporterOtlpEndpoint !== undefined && !URL.canParse(otelExporterOtlpEndpoint))
    faults.push('OTEL_EXPORTER_OTLP_ENDPOINT is not an address');
  if (otelExporterOtlpTracesEndpoint !== undefined && !URL.canParse(otelExporterOtlpTracesEndpoint))
    faults.push('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is not an address');
  if (config.metricsRequireKey && config.apiKeys.length === 0) {
    faults.push('METRICS_REQUIRE_KEY is set without API_KEYS');
  }
  return faults;
}

/** `MAX_IMAGE_BYTES` becomes `maxImageBytes`. */
export function camelCase(name: string): string {
  return name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** The settings that differ from their default, for the log; secrets show only that they are set. */
export function describeConfig(config: Config): Record<string, unknown> {
  const values: Record<string, unknown> = { ...config };
  const shown = Object.entries<Field<unknown>>(CONFIG_SCHEMA)
    .map(([name, field]) => [camelCase(name), field] as const)
    .filter(([key, field]) => JSON.stringify(values[key]) !== JSON.stringify(field.default))
    .map(([key, field]) => [key, field.secret ? '[set]' : withoutCredentials(values[key])]);
  return Object.fromEntries(shown);
}

/** Addresses lose what stands before their host, however it is spelt, and their query. */
function withoutCredentials(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/\/\/.*@/, '//').replace(/\?.*$/, '?...') : value;
}

/** The table that `--help` prints. */
export function configHelp(): string {
  const rows = Object.entries<Field<unknown>>(CONFIG_SCHEMA).map(([name, field]) => {
    const details = [
      field.type,
      field.defaultText && `default ${field.defaultText}`,
      field.secret && 'secret',
    ];
    return `  ${name.padEnd(HELP_COLUMN)}${field.description}\n${' '.repeat(HELP_COLUMN + 2)}${details.filter(Boolean).join('; ')}`;
  });
  return ['Settings, all from the environment:', '', ...rows, ''].join('\n');
}
