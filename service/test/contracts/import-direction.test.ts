import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/**
 * Who may import whom, folder by folder (files at the top count as folders of their own).
 * `types` may be imported as types only: app.ts hands the real thing in.
 */
const ALLOWED: Readonly<
  Record<string, { readonly values: readonly string[]; readonly types?: readonly string[] }>
> = {
  main: { values: ['cli'] },
  cli: {
    values: [
      'config',
      'errors',
      'exit',
      'fairness',
      'http',
      'inference',
      'json-schema',
      'machine',
      'model',
      'package-files',
      'serve',
      'serving',
      'signals',
      'sizing',
      'statistics',
      'telemetry',
    ],
    types: ['drawing', 'predict', 'preprocess', 'tasks', 'tensor'],
  },
  serve: {
    values: [
      'app',
      'config',
      'errors',
      'exit',
      'heap-growth',
      'machine',
      'signals',
      'spare-memory',
      'telemetry',
      'unless-aborted',
    ],
    types: ['http', 'lifecycle'],
  },
  app: {
    values: [
      'admission',
      'capture',
      'http',
      'lifecycle',
      'machine',
      'package-files',
      'serving',
      'sizing',
      'telemetry',
    ],
    types: ['config'],
  },
  serving: {
    values: [
      'batching',
      'drawing',
      'errors',
      'inference',
      'model',
      'package-files',
      'predict',
      'preprocess',
      'processor',
      'sizing',
      'unless-aborted',
    ],
    types: ['config', 'machine', 'tasks', 'telemetry', 'tensor'],
  },
  config: { values: ['config-fields', 'errors', 'package-files', 'preprocess'] },
  'config-fields': { values: [] },
  errors: { values: [] },
  exit: { values: [] },
  'json-schema': { values: [] },
  signals: { values: [] },
  'unless-aborted': { values: [] },
  lifecycle: { values: [] },
  machine: { values: [] },
  processor: { values: [] },
  sizing: { values: [], types: ['machine'] },
  'heap-growth': { values: [] },
  'malloc-trim': { values: [] },
  'spare-memory': { values: ['malloc-trim'] },
  predict: {
    values: ['fairness', 'inference', 'preprocess', 'statistics', 'telemetry'],
    types: ['batching', 'drawing', 'tasks'],
  },
  admission: { values: ['errors', 'fairness'] },
  fairness: { values: [] },
  drawing: { values: [] },
  'answer-keeper': { values: [], types: ['statistics', 'tasks'] },
  capture: {
    values: ['errors', 'model', 'preprocess', 'tasks', 'unless-aborted'],
    types: ['answer-keeper', 'config', 'lifecycle', 'telemetry'],
  },
  http: {
    values: ['admission', 'answer-keeper', 'drawing', 'errors', 'json-schema', 'preprocess', 'telemetry'],
    types: ['fairness', 'lifecycle', 'predict', 'serving', 'tasks'],
  },
  preprocess: { values: ['drawing', 'errors', 'fairness', 'malloc-trim', 'niceness', 'package-files'] },
  batching: { values: ['errors', 'fairness'], types: ['inference', 'telemetry'] },
  inference: {
    values: [
      'errors',
      'niceness',
      'package-files',
      'preprocess',
      'spare-memory',
      'statistics',
      'tasks',
      'unless-aborted',
    ],
    types: ['tensor'],
  },
  niceness: { values: [] },
  'package-files': { values: [] },
  tasks: { values: ['errors', 'json-schema', 'tensor'], types: ['drawing', 'preprocess'] },
  tensor: { values: [] },
  model: {
    values: ['errors', 'json-schema', 'statistics', 'tasks'],
    types: ['inference', 'preprocess', 'tensor'],
  },
  statistics: { values: ['json-schema'] },
  telemetry: { values: ['statistics'], types: ['config', 'lifecycle'] },
  bench: {
    values: [
      'batching',
      'errors',
      'inference',
      'machine',
      'model',
      'package-files',
      'preprocess',
      'statistics',
      'tasks',
      'telemetry',
    ],
    types: ['tensor'],
  },
};

/** Each third-party library has one file or folder that knows it. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  fastify: ['http'],
  '@fastify/cors': ['http/server.ts'],
  '@fastify/busboy': ['http'],
  '@fastify/rate-limit': ['http/gate.ts'],
  '@fastify/swagger': ['http/docs-routes.ts'],
  '@fastify/swagger-ui': ['http/docs-routes.ts'],
  typebox: ['json-schema.ts', 'cli', 'http', 'model', 'serving', 'statistics', 'tasks'],
  'typebox/compile': ['json-schema.ts'],
  'onnxruntime-node': ['inference/session.ts'],
  sharp: ['preprocess/decoders/sharp.ts', 'drawing/sharp.ts', 'bench'],
  '@julusian/jpeg-turbo': ['preprocess/decoders/turbojpeg-library.ts'],
  koffi: [
    'preprocess/decoders/turbojpeg-library.ts',
    'malloc-trim.ts',
    'preprocess/decoders/libwebp-library.ts',
  ],
  '@aws-sdk/client-s3': [
    'capture/s3-store.ts',
    'cli/predict/s3-images.ts',
    'cli/predict/s3-output.ts',
    'model/sources/s3.ts',
    'model/sources/s3-failure.ts',
  ],
  'prom-client': ['telemetry/metrics.ts'],
  '@opentelemetry/api': ['telemetry/tracing'],
  '@opentelemetry/core': ['telemetry/tracing'],
  '@opentelemetry/exporter-trace-otlp-http': ['telemetry/tracing'],
  '@opentelemetry/exporter-trace-otlp-proto': ['telemetry/tracing'],
  '@opentelemetry/resources': ['telemetry/tracing'],
  '@opentelemetry/sdk-trace-base': ['telemetry/tracing'],
  '@opentelemetry/semantic-conventions': ['telemetry/tracing'],
  pino: ['telemetry/logging.ts', 'bench'],
  'pino-pretty': ['telemetry/logging.ts'],
  yaml: ['model/derive/mlflow.ts'],
  autocannon: ['bench'],
};

interface Import {
  readonly file: string;
  readonly target: string;
  readonly isType: boolean;
}

const sources = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);

const imports: readonly Import[] = sources
  .filter((file) => !/^(test|playground\/tests)\/|\.(test|conformance|test-support|as)\.ts$/.test(file))
  .flatMap((file) => importsOf(file));

function importsOf(file: string): Import[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  const statements = source.matchAll(/(?:^|\n)(import|export)\s+(type\s)?[^;'"]*?from\s+'([^']+)'/g);
  const dynamic = source.matchAll(/\b(?:import|require)\(\s*'([^']+)'\s*\)/g);
  return [
    ...[...statements].map(([, , type, target = '']) => ({ file, target, isType: type !== undefined })),
    ...[...dynamic].map(([, target = '']) => ({ file, target, isType: false })),
  ];
}

/** From each file to those that it imports. */
function graphOf(all: readonly Import[]): ReadonlyMap<string, readonly string[]> {
  const own = all.filter(({ target }) => target.startsWith('.'));
  return new Map(
    [...new Set(own.map(({ file }) => file))].map((file) => [
      file,
      own
        .filter((each) => each.file === file)
        .map(({ target }) => normalize(join(dirname(file), target)).replace(/\.js$/, '.ts')),
    ]),
  );
}

/** The ways back to where they began, each once. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    if (path.includes(file) || done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}

/** The folder, or the file at the top, that a path belongs to. */
function houseOf(path: string): string {
  const [first = ''] = path.split('/');
  return first.replace(/\.(js|ts)$/, '');
}

describe('imports', () => {
  it('are found', () => {
    expect(imports.length).toBeGreaterThan(100);
  });

  it('run one way', () => {
    const wrong = imports
      .filter(({ target }) => target.startsWith('.'))
      .map(({ file, target, isType }) => ({
        file,
        isType,
        from: houseOf(file),
        to: normalize(join(dirname(file), target)),
      }))
      .filter(({ from, to }) => from !== houseOf(to))
      .filter(({ from, to, isType }) => {
        const { values = [], types = [] } = ALLOWED[from] ?? {};
        return !values.includes(houseOf(to)) && !(isType && types.includes(houseOf(to)));
      })
      .map(({ file, to }) => `${file} imports ${to}`);
    expect(wrong).toEqual([]);
  });

  it('never lead back to the file that they start from, not even as types', () => {
    expect(circles(graphOf(imports))).toEqual([]);
  });

  it('reach inference from batching through the runner alone', () => {
    const targets = imports
      .filter(({ file, target }) => file.startsWith('batching/') && target.includes('/inference/'))
      .map(({ target }) => target);
    expect(new Set(targets)).toEqual(new Set(['../inference/runner.js']));
  });

  it('reach sharp from the decode processes alone: what crashes or cannot be cancelled is not in the service', () => {
    // A bench is a process of its own.
    const served = imports.filter(({ file }) => !file.startsWith('bench/'));
    const files = served
      .filter(({ target, isType }) => target.endsWith('decoders/sharp.js') && !isType)
      .map(({ file }) => file);
    expect(files).toEqual(['preprocess/processes/decode-process.ts']);
    const starters = served.filter(({ target }) => /decode-(process|file)\.js$/.test(target));
    expect(starters.map(({ file }) => file)).toEqual(['preprocess/processes/decode-process.ts']);
    const drawers = imports.filter(({ target }) => /draw-picture\.js$/.test(target));
    expect(drawers.map(({ file }) => file)).toEqual(['preprocess/processes/decode-process.ts']);
  });

  it('reach http from cli for what errors look like alone: commands need no server', () => {
    const targets = imports
      .filter(({ file, target }) => file.startsWith('cli/') && target.includes('/http/'))
      .map(({ target }) => target.replace(/^.*\/http\//, ''));
    expect(new Set(targets)).toEqual(new Set(['error-responses.js', 'input/input-errors.js']));
  });

  it('of a library are made by its owner alone', () => {
    const wrong = imports
      .filter(({ target }) => !target.startsWith('.') && !target.startsWith('node:'))
      .filter(
        ({ file, target }) =>
          !(OWNERS[target] ?? []).some((owner) => file === owner || file.startsWith(`${owner}/`)),
      )
      .map(({ file, target }) => `${file} imports ${target}`);
    expect(wrong).toEqual([]);
  });
});

it('of the bridge reach the service for its settings, schemas, log and signals alone, and never come back', () => {
  const files = readdirSync(join(ROOT, '../bridge')).filter((file) => /^[\w-]+\.ts$/.test(file));
  const targets = files.flatMap((file) =>
    [...readFileSync(join(ROOT, '../bridge', file), 'utf8').matchAll(/from '\.\.\/service\/([^']+)'/g)].map(
      ([, target]) => target,
    ),
  );
  expect([...new Set(targets)].sort()).toEqual([
    'config-fields.js',
    'errors.js',
    'json-schema.js',
    'signals.js',
    'telemetry/log-sink.js',
    'telemetry/logging.js',
  ]);
});

it('of the dashboard reach the rest for its settings, log, signals, files and tokens alone; its page for what draws', () => {
  const root = join(ROOT, '../dashboard');
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (file) => /\.(ts|js)$/.test(file) && !/^(node_modules|dist|tests)\/|\.test\.ts$/.test(file),
  );
  const targets = files.flatMap((file) =>
    [
      ...readFileSync(join(root, file), 'utf8').matchAll(/from '(?:\.\.\/)+((?:service|bridge)\/[^']+)'/g),
    ].map(([, target]) => `${file.startsWith('page/') ? 'page: ' : ''}${target}`),
  );
  expect([...new Set(targets)].sort()).toEqual([
    'bridge/token-file.js',
    'page: service/playground/dom.js',
    'page: service/playground/format.js',
    'service/config-fields.js',
    'service/errors.js',
    'service/http/static-files.js',
    'service/signals.js',
    'service/telemetry/log-sink.js',
    'service/telemetry/logging.js',
  ]);
});

it('the environment is read and the process ended by the two processes that people start alone', () => {
  const users = sources
    .filter((file) => !/^(test|bench|playground\/tests)\/|\.test\.ts$/.test(file))
    .filter((file) => /process\.(env|exit)\b/.test(readFileSync(join(ROOT, file), 'utf8')));
  expect(users.sort()).toEqual(['cli/main.ts', 'main.ts']);
});
