import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createAppFor } from '../support/app.js';
import { configTable, errorRows, manifestTable, metricsTable } from '../support/tables.js';

const ROOT = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const README = read('README.md');

/** Every document of the project, with its path. */
const documents = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.md') && !/node_modules|dist\//.test(path))
  .map((path) => ({ path, text: read(path) }));

describe('README.md', () => {
  it('has the table of settings that the code has', () => {
    expect(README).toContain(configTable());
  });

  it('has a row for every error, with its status, and for no other', () => {
    const rows = README.split('\n').filter((line) => /^\| `[A-Z][A-Z_]+` \| (\d{3}|start) \| /.test(line));
    expect(rows.map((row) => row.split('|').slice(0, 3).join('|'))).toEqual(
      errorRows().map((row) => row.split('|').slice(0, 3).join('|')),
    );
  });

  it('has the table of metrics that the code has', async () => {
    expect(README).toContain(await metricsTable());
  });

  it('names only npm scripts that exist', () => {
    const scripts = Object.keys(JSON.parse(read('package.json')).scripts);
    const named = [...README.matchAll(/npm (?:run )?([a-z:]+)/g)].map(([, name]) => name ?? '');
    const builtIn = ['ci', 'install', 'registry'];
    expect(named.filter((name) => !scripts.includes(name) && !builtIn.includes(name))).toEqual([]);
  });

  it('names only routes that exist', async () => {
    const app = await createAppFor();
    const routes = [...README.matchAll(/`(GET|POST) (\/[a-z./]*)`/g)];
    expect(routes.length).toBeGreaterThan(5);
    const missing = routes.filter(([, method = '', url = '']) => !app.server.hasRoute({ method, url }));
    expect(missing.map(([route]) => route)).toEqual([]);
  });
});

describe('docs/model-json.md', () => {
  it('has the table of fields that the schema has', () => {
    expect(read('docs/model-json.md')).toContain(manifestTable());
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
