import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { startArguments } from '../../bench/start-command.js';
import { CONFIG_SCHEMA, readConfig } from '../../config.js';
import { createAppFor } from '../support/app.js';

const K8S = join(import.meta.dirname, '../../../k8s');
const read = (path: string): string => readFileSync(join(K8S, path), 'utf8');
const files = readdirSync(K8S, { recursive: true, encoding: 'utf8' }).sort();

interface Generator {
  readonly name: string;
  readonly envs?: readonly string[];
  readonly literals?: readonly string[];
}

/** The lines `KEY=value` that a kustomization puts into the settings of the service. */
function settingsOf(kustomization: string): string[] {
  const folder = kustomization.replace(/kustomization\.yaml$/, '');
  const generators: readonly Generator[] = parse(read(kustomization)).configMapGenerator ?? [];
  return generators
    .filter(({ name }) => name === 'cv-inference-config')
    .flatMap(({ envs = [], literals = [] }) => [
      ...envs.flatMap((file) => read(`${folder}${file}`).split('\n')),
      ...literals,
    ])
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Needs no kustomize; what it renders is held to more than this by k8s/tests. */
describe('settings in k8s/', () => {
  const settings = files
    .filter((file) => file.endsWith('kustomization.yaml'))
    .flatMap((file) => settingsOf(file).map((line) => ({ file, line })));

  it('are settings that exist, with values that the service takes', () => {
    expect(settings.length).toBeGreaterThan(8);
    const unknown = settings.filter(({ line }) => !((line.split('=')[0] ?? '') in CONFIG_SCHEMA));
    expect(unknown).toEqual([]);
    const environment = Object.fromEntries(settings.map(({ line }) => line.split(/=(.*)/s)));
    expect(() => readConfig(environment)).not.toThrow();
  });
});

it('the probes in k8s/base ask for routes that exist', async () => {
  const paths = [...read('base/deployment.yaml').matchAll(/\bpath: (\/\S+)/g)].map(([, path = '']) => path);
  expect(paths).toEqual(['/ready', '/ready', '/health']);
  const { server } = await createAppFor();
  expect(paths.filter((url) => !server.hasRoute({ method: 'GET', url }))).toEqual([]);
});

it('the image starts node as npm start does', () => {
  const root = join(K8S, '..');
  const starts = readFileSync(join(root, 'Dockerfile'), 'utf8').match(/^ENTRYPOINT .+$/gm) ?? [];
  const expected = ['node', ...startArguments(root).map((argument) => argument.replace(`${root}/`, ''))];
  expect(starts.map((line) => JSON.parse(line.replace('ENTRYPOINT ', '')))).toEqual([expected]);
});
