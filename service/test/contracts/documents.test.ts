import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { COMMANDS, helpOf, overview } from '../../cli/commands.js';
import { EXIT_CODES } from '../../cli/outcome.js';
import { CONFIG_SCHEMA, configHelp } from '../../config.js';
import { STARTUP_ERROR_CODES } from '../../errors.js';
import { STATUS_OF_CODE } from '../../http/error-responses.js';
import { parseManifest } from '../../model/manifest.js';
import { BOX_DECODERS } from '../../tasks/detection/decoders/decoders.js';
import { MASK_DECODERS } from '../../tasks/instance-segmentation/decoders/decoders.js';
import { POINT_DECODERS } from '../../tasks/keypoints/decoders/decoders.js';
import { TASK_NAMES, TASKS, taskNamed } from '../../tasks/tasks.js';
import { ATTACKS } from '../hostile/attacks/all-attacks.js';
import { STALLED_LOG } from '../hostile/soak/soak.js';
import { createAppFor } from '../support/app.js';
import { temporaryFolder } from '../support/models.js';
import { configTable, errorRows, manifestTable, metricsTable, taskTable } from '../support/tables.js';

const ROOT = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const README = read('README.md');

interface Workflow {
  readonly on: { readonly workflow_dispatch: { readonly inputs: Readonly<Record<string, unknown>> } };
}

/** Whether a place in a document is in a block of code. */
const isInCode = (text: string, index: number): boolean =>
  (text.slice(0, index).match(/^```/gm)?.length ?? 0) % 2 === 1;

/** Every document of the project, with its path. */
const documents = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.md') && !/node_modules|dist\/|^\.cache\//.test(path))
  .map((path) => ({ path, text: read(path) }));

describe('docs/', () => {
  it('has the table of settings that the code has', () => {
    expect(read('docs/settings.md')).toContain(configTable());
  });

  it('has a row for every error, with its status, and for no other', () => {
    const lines = read('docs/errors.md').split('\n');
    const rows = lines.filter((line) => /^\| `[A-Z][A-Z_]+` \| (\d{3}|start) \| /.test(line));
    expect(rows.map((row) => row.split('|').slice(0, 3).join('|'))).toEqual(
      errorRows().map((row) => row.split('|').slice(0, 3).join('|')),
    );
  });

  it('has the table of metrics that the code has', async () => {
    expect(read('docs/metrics.md')).toContain(await metricsTable());
  });

  it('says of every task what it adds and what it may be asked', () => {
    for (const task of TASKS) expect(read('docs/api.md')).toContain(`| \`${task.name}\` |`);
  });

  it('names only routes that exist, and every one', async () => {
    const app = await createAppFor({ CAPTURE_TO: await temporaryFolder() });
    const routes = [...read('docs/api.md').matchAll(/`(GET|POST) (\/[a-z./]*)`/g)];
    const missing = routes.filter(([, method = '', url = '']) => !app.server.hasRoute({ method, url }));
    expect(missing.map(([route]) => route)).toEqual([]);
    const { paths } = (await app.server.inject('/openapi.json')).json();
    const named = new Set(routes.map(([, , url]) => url));
    expect(Object.keys(paths).filter((path) => !named.has(path))).toEqual([]);
  });
});

describe('docs/command-line.md', () => {
  const text = read('docs/command-line.md');

  it('has what the commands say of themselves, but for the settings, which have a page', () => {
    const helps = [overview(), ...COMMANDS.map(helpOf)].map((help) =>
      help.replace(configHelp().trimEnd(), ''),
    );
    for (const help of helps) expect(text).toContain(`\`\`\`text\n${help.trimEnd()}\n\`\`\`\n`);
    for (const { name } of COMMANDS) expect(text).toContain(`\n## ${name}\n`);
  });

  it('has a row for every exit code, and for no other', () => {
    const rows = [...text.matchAll(/^\| (\d+) \| /gm)].map(([, code]) => Number(code));
    expect(rows).toEqual(Object.values(EXIT_CODES));
  });
});

describe('README.md', () => {
  it('is one screen, and leads to every page of docs/', () => {
    expect(README.split('\n').length).toBeLessThan(80);
    const pages = readdirSync(join(ROOT, 'docs')).filter((file) => file.endsWith('.md'));
    expect(pages.filter((page) => !README.includes(`(docs/${page})`))).toEqual([]);
  });

  it('names only npm scripts that exist', () => {
    const scripts = Object.keys(JSON.parse(read('package.json')).scripts);
    const text = `${README}\n${read('CONTRIBUTING.md')}`;
    const named = [...text.matchAll(/npm (?:run )?([a-z:]+)/g)].map(([, name]) => name ?? '');
    const builtIn = ['ci', 'install', 'registry'];
    expect(named.filter((name) => !scripts.includes(name) && !builtIn.includes(name))).toEqual([]);
  });
});

describe('docs/model-json.md', () => {
  it('has the tables of fields that the schemas have: of every model, and of each task', () => {
    const text = read('docs/model-json.md');
    expect(text).toContain(manifestTable());
    for (const task of TASKS) expect(text).toContain(`## ${task.name}\n\n`);
    for (const task of TASKS) expect(text).toContain(taskTable(task));
    for (const { name, models } of [...BOX_DECODERS, ...POINT_DECODERS, ...MASK_DECODERS])
      expect(text).toContain(`| \`${name}\` | ${models} |\n`);
  });
});

describe('docs/models.md', () => {
  const blocks = [...read('docs/models.md').matchAll(/```json\n(.*?)```/gs)].map(([, json = '']) => json);
  const isManifest = (json: string): boolean => 'schema_version' in JSON.parse(json);

  it('has manifests that are ones', () => {
    const manifests = blocks.filter(isManifest);
    expect(manifests.length).toBeGreaterThan(5);
    for (const json of manifests) expect(() => parseManifest(json, json)).not.toThrow();
  });

  it('has answers as the tasks give them', () => {
    const answers = blocks.filter((json) => !isManifest(json)).map((json) => JSON.parse(json));
    expect(new Set(answers.map(({ task }) => task))).toEqual(new Set(TASK_NAMES));
    for (const { task, ...answer } of answers) {
      const schema = taskNamed(task)?.answerSchema({}) ?? {};
      expect(Value.Errors({ ...schema, additionalProperties: false }, answer)).toEqual([]);
    }
  });
});

describe('documents', () => {
  it('link only to files that exist', () => {
    const broken = documents.flatMap(({ path, text }) =>
      [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
        .map(([, target = '']) => join(dirname(path), target))
        .filter((target) => !existsSync(join(ROOT, target)))
        .map((target) => `${path} -> ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('name only targets of make that exist', () => {
    const targets = [...read('Makefile').matchAll(/^([a-z-]+):/gm)].map(([, target]) => target);
    const named = documents.flatMap(({ path, text }) =>
      [...text.matchAll(/(?:^|`|&& )make((?: [a-z][a-z-]*)+)/gm)]
        .filter(({ 0: match, index }) => match.startsWith('`') || isInCode(text, index))
        .flatMap(([, words = '']) => words.trim().split(' '))
        .map((target) => ({ path, target })),
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter(({ target }) => !targets.includes(target))).toEqual([]);
  });

  it('name only workflows that exist and start by hand, with inputs that they have', () => {
    const started = documents.flatMap(({ path, text }) =>
      [...text.matchAll(/gh workflow run ([\w-]+)((?: -f [\w]+=\S+)*)/g)].map(
        ([, name = '', options = '']) => ({
          path,
          name,
          inputs: [...options.matchAll(/ -f (\w+)=/g)].map(([, input = '']) => input),
        }),
      ),
    );
    expect(started.length).toBeGreaterThan(5);
    const unknown = started.filter(({ name, inputs }) => {
      const { on } = parse(read(`.github/workflows/${name}.yml`)) as Workflow;
      return inputs.some((input) => !(input in on.workflow_dispatch.inputs));
    });
    expect(unknown).toEqual([]);
  });

  it('and code that names a decision name one that exists', () => {
    const sources = readdirSync(join(ROOT, 'service'), { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.ts'),
    );
    const named = sources.flatMap(
      (file) => read(join('service', file)).match(/docs\/decisions\/[\w-]+\.md/g) ?? [],
    );
    expect(named.filter((decision) => !existsSync(join(ROOT, decision)))).toEqual([]);
  });
});

describe('docs/infrastructure.md', () => {
  it('shows a command that gives the parts of a cluster the names of dev, and leaves none of production', async () => {
    const command = /^find argocd (?:.*\n)*?.*\{\} \+/m.exec(read('docs/infrastructure.md'))?.[0] ?? 'false';
    const copy = await temporaryFolder();
    for (const folder of ['argocd', 'k8s/components/alb']) {
      cpSync(join(ROOT, folder), join(copy, folder), { recursive: true });
    }
    execFileSync('sh', ['-c', command], { cwd: copy });
    const files = readdirSync(copy, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.yaml'),
    );
    const texts = files.map((file) => readFileSync(join(copy, file), 'utf8')).join('');
    expect(texts.match(/cv-inference-production|Environment: production|10\.20\./g)).toBeNull();
    for (const name of [
      'clusterName: cv-inference-dev',
      'cv-inference-dev-load-balancer',
      '10.10.240.0/22',
    ]) {
      expect(texts).toContain(name);
    }
  });
});

describe('docs/threats.md', () => {
  const text = read('docs/threats.md');
  const sources = readdirSync(join(ROOT, 'service'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('test/') && !file.endsWith('.test.ts'))
    .map((file) => read(join('service', file)));
  const statuses: Readonly<Record<string, number>> = STATUS_OF_CODE;
  /** What is a setting, the code of an error, or a constant of the service; a few are none of ours. */
  const isKnown = (name: string): boolean =>
    name in CONFIG_SCHEMA ||
    name in statuses ||
    (STARTUP_ERROR_CODES as readonly string[]).includes(name) ||
    sources.some((source) => new RegExp(`^(export )?const ${name}\\b`, 'm').test(source));
  const rows = text
    .slice(text.indexOf('## Defended here'), text.indexOf('## Left to the gateway'))
    .split('\n')
    .filter((line) => /^\| (?!threat |---)/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()));

  it('names only settings, codes and constants that exist', () => {
    const names = [...text.matchAll(/`([A-Z][A-Z\d]*(?:_[A-Z\d]+)+)`/g)].map(([, name = '']) => name);
    expect(names.length).toBeGreaterThan(30);
    expect(names.filter((name) => !isKnown(name))).toEqual([]);
  });

  it('gives every code its status', () => {
    const told = [...text.matchAll(/`([A-Z_]+)` (\d{3})\b/g)];
    expect(told.length).toBeGreaterThan(10);
    expect(told.filter(([, code = '', status]) => String(statuses[code]) !== status)).toEqual([]);
  });

  it('names for each threat a test that exists', () => {
    expect(rows.length).toBeGreaterThan(20);
    const missing = rows.filter(([, , , , , held = '']) => {
      const files = [...held.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file);
      return files.length === 0 || !files.every((file) => existsSync(join(ROOT, file)));
    });
    expect(missing.map(([, threat]) => threat)).toEqual([]);
  });

  it('tells of every attack of the soak, and of no other', () => {
    const told = rows.flatMap(([, , attack = '']) =>
      [...attack.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    );
    expect(new Set(told)).toEqual(new Set([...ATTACKS.map(({ name }) => name), STALLED_LOG]));
  });

  it('names only folders that exist', () => {
    const folders = [...text.matchAll(/`((?:k8s|service)\/[\w./-]+)`/g)].map(([, path = '']) => path);
    expect(folders.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});
