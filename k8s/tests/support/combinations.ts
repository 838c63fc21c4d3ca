import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  K8S,
  type Kustomization,
  LINE_THAT_IS_OFF,
  type Rendered,
  render,
  renderKustomization,
  renderWithAllOn,
} from './render.js';

/** In the order in which overlays list them: what turns others' objects comes after those. */
export const COMPONENTS = [
  's3-local',
  'batch-predict',
  'gpu',
  'autoscaling',
  'autoscaling-queue',
  'monitoring',
  'drift',
  'victoria-metrics',
  'dashboard',
  'network-policy',
  'limits',
  'gateway',
  'alb',
  'external-secrets',
  'signed-images',
  'retraining',
  'deployment-dashboard',
  'mlflow',
  'tracing',
  'canary',
  'kserve',
] as const;

export type Component = (typeof COMPONENTS)[number];

/** What does not go together; the README of the first one says so. */
export const CONFLICTS: readonly (readonly [Component, Component])[] = [
  ['autoscaling', 'autoscaling-queue'],
  ['kserve', 'autoscaling'],
  ['kserve', 'autoscaling-queue'],
  ['kserve', 'canary'],
  ['kserve', 'gateway'],
  ['external-secrets', 's3-local'],
  ['alb', 'gateway'],
  ['alb', 'kserve'],
];

/** What brings another along already, so that both would bring it twice. */
const INCLUDED: readonly (readonly [Component, Component])[] = [
  ['monitoring', 'dashboard'],
  ['victoria-metrics', 'dashboard'],
  ['monitoring', 'victoria-metrics'],
];

/**
 * What only adds objects of its own, and none that others turn, or settings of the service: it is alone and in full sets,
 * not in all of those between.
 */
const APART: readonly Component[] = [
  'batch-predict',
  'drift',
  'alb',
  'external-secrets',
  'signed-images',
  'retraining',
  'deployment-dashboard',
  'mlflow',
  'tracing',
];

export interface Combination {
  readonly name: string;
  render(): Rendered;
}

function hasLinesThatAreOff(overlay: string): boolean {
  return LINE_THAT_IS_OFF.test(readFileSync(join(K8S, 'overlays', overlay, 'kustomization.yaml'), 'utf8'));
}

export function listOverlays(): Combination[] {
  const names = readdirSync(join(K8S, 'overlays'));
  return names.flatMap((name) => [
    { name: `overlay ${name}`, render: () => render(`overlays/${name}`) },
    ...(hasLinesThatAreOff(name)
      ? [{ name: `overlay ${name}, every line on`, render: () => renderWithAllOn(`overlays/${name}`) }]
      : []),
  ]);
}

export function kustomizationOf(components: readonly Component[]): Kustomization {
  return { resources: ['base'], components: [...components.map((name) => `components/${name}`), 'release'] };
}

function goTogether(components: readonly Component[]): boolean {
  return ![...CONFLICTS, ...INCLUDED].some(([a, b]) => components.includes(a) && components.includes(b));
}

/** Every set of components that makes sense. */
export function listSets(): Component[][] {
  let sets: Component[][] = [[]];
  for (const component of COMPONENTS) {
    sets = sets.concat(sets.map((set) => [...set, component]).filter(goTogether));
  }
  return sets.filter(
    (set) => set.length <= 1 || isFull(set) || !set.some((component) => APART.includes(component)),
  );
}

/** The sets to which nothing can be added. */
function isFull(set: readonly Component[]): boolean {
  return COMPONENTS.every((component) => set.includes(component) || !goTogether([...set, component]));
}

/** What the policies are held against: every overlay; and the base with nothing, one, two, and all that go together. */
export function listCombinations(): Combination[] {
  const sets = listSets().filter((set) => set.length <= 2 || isFull(set));
  const overBase = sets.map((set) => {
    let known: Rendered | undefined;
    return {
      name: `base + ${set.join(' + ') || 'nothing'}`,
      render: () => {
        known ??= renderKustomization(kustomizationOf(set));
        return known;
      },
    };
  });
  return [...listOverlays(), ...overBase];
}
