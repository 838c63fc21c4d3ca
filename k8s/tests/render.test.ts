import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMPONENTS, CONFLICTS, kustomizationOf, listOverlays, listSets } from './support/combinations.js';
import { buildKustomization, K8S } from './support/render.js';
import { absent } from './support/tools.js';

const folders = (path: string): string[] =>
  readdirSync(join(K8S, path), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

describe('components', () => {
  it('are all known to these tests', () => {
    expect(folders('components').sort()).toEqual([...COMPONENTS].sort());
  });

  it('have a short README each, with the line that turns them on', () => {
    const texts = COMPONENTS.map((name) => ({
      name,
      text: readFileSync(join(K8S, 'components', name, 'README.md'), 'utf8'),
    }));
    const wrong = texts.filter(
      ({ name, text }) => !text.includes(`- ../../components/${name}\``) || text.split('\n').length > 30,
    );
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });

  it.each(CONFLICTS)('%s says in its README that it does not go with %s', (component, other) => {
    const text = readFileSync(join(K8S, 'components', component, 'README.md'), 'utf8');
    const sentence = text.split(/(?<=[.:])\s/).find((part) => part.startsWith('Not together with'));
    expect(sentence).toContain(`\`${other}\``);
  });
});

describe.skipIf(absent('kustomize'))('kustomize', () => {
  it.each(listOverlays())('renders $name without a warning', ({ render }) => {
    const { objects, warnings } = render();
    expect(warnings).toBe('');
    expect(objects.length).toBeGreaterThan(5);
  });

  it('renders every set of components that makes sense without a warning', { timeout: 600_000 }, () => {
    const sets = listSets();
    expect(sets.length).toBeGreaterThan(500);
    const loud = sets
      .map((set) => ({ set, ...buildKustomization(kustomizationOf(set)) }))
      .filter(({ warnings }) => warnings !== '');
    expect(loud.map(({ set, warnings }) => `${set.join(', ')}: ${warnings}`)).toEqual([]);
  });
});
