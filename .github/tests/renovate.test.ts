import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, run } from './support/run.js';

interface FilePatterns {
  readonly managerFilePatterns: readonly string[];
}

interface CustomManager extends FilePatterns {
  readonly matchStrings: readonly string[];
}

interface Config {
  readonly ignorePaths: readonly string[];
  readonly argocd: FilePatterns;
  readonly kubernetes: FilePatterns;
  readonly customManagers: readonly CustomManager[];
  readonly packageRules: readonly {
    readonly enabled?: boolean;
    readonly matchPackageNames?: readonly string[];
  }[];
}

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const config = JSON.parse(read('.github/renovate.json')) as Config;
const FILES = run('git', ['ls-files', '--cached', '--others', '--exclude-standard']).stdout.split('\n');

/** As Renovate writes a pattern: between slashes. */
const isNamed = (file: string, { managerFilePatterns }: FilePatterns): boolean =>
  managerFilePatterns.some((pattern) => new RegExp(pattern.slice(1, -1)).test(file));

/** The managers that find files by themselves, and what they read there. */
const BUILT_IN: readonly { readonly files: (file: string) => boolean; readonly reads: RegExp }[] = [
  { files: (file) => isNamed(file, config.argocd), reads: /targetRevision: (\S+)/g },
  { files: (file) => isNamed(file, config.kubernetes), reads: /image: (?:&\S+ )?(\S+)/g },
  { files: (file) => file.endsWith('/kustomization.yaml'), reads: /newTag: (\S+)/g },
];
/** Three numbers, and not an address or a part of one. */
const VERSION = /(?<![\w./])v?\d+\.\d+\.\d+(?![\d./]|:\d)/g;
/** In k8s/tests; what else is there stands in for something, in a version that can be had without a registry. */
const OF_THE_CHECKS = ['k8s/tests/tools/sources', 'k8s/tests/cluster/support/git-server.yaml'];
/** Examples with an image of this project: releases and promotion move the real ones. */
const OURS = /cv-inference:\S+|set image .*|Promote \S+|newTag: \S+/g;

type Span = readonly [start: number, end: number];

const spansOf = (text: string, pattern: RegExp): Span[] =>
  [...text.matchAll(pattern)].map(({ index, 0: found }) => [index, index + found.length]);

function readByBot(file: string, text: string): Span[] {
  const builtIn = BUILT_IN.filter(({ files }) => files(file)).flatMap(({ reads }) => spansOf(text, reads));
  const custom = config.customManagers
    .filter((manager) => isNamed(file, manager))
    .flatMap(({ matchStrings }) =>
      matchStrings.flatMap((pattern) => spansOf(text, new RegExp(pattern, 'g'))),
    );
  return [...builtIn, ...custom, ...(file.endsWith('.md') ? spansOf(text, OURS) : [])];
}

function unseen(file: string): string[] {
  const text = read(file);
  const spans = readByBot(file, text);
  return spansOf(text, VERSION)
    .filter(([start, end]) => !spans.some(([from, to]) => from <= start && end <= to))
    .map(([start, end]) => `${file}: ${text.slice(start, end)}`);
}

describe('renovate.json', () => {
  it('looks after every version in argocd/ and k8s/', () => {
    const manifests = FILES.filter(
      (file) =>
        /^(argocd|k8s)\/.+\.(yaml|md)$/.test(file) &&
        !file.startsWith('k8s/tests/') &&
        !file.includes('dashboards/'),
    );
    expect(manifests.length).toBeGreaterThan(80);
    expect([...manifests, ...OF_THE_CHECKS].flatMap(unseen)).toEqual([]);
  });

  it('would miss a version that is written where nobody looks', () => {
    const spans = readByBot('k8s/README.md', 'helm install --version 1.2.3');
    expect(spans).toEqual([]);
  });

  it('reads every image of kind, here and in the workflows', () => {
    const named = FILES.filter((file) => !file.includes('/tests/') && /\.(ya?ml|md)$/.test(file)).flatMap(
      (file) => {
        const text = read(file);
        const seen = readByBot(file, text);
        return spansOf(text, /kindest\/node:v[\d.]+/g).filter(
          ([start, end]) => !seen.some(([from, to]) => from <= start && end <= to),
        );
      },
    );
    expect(named).toEqual([]);
  });

  it('finds packages where they are: npm, Docker, Go, Python', () => {
    const manifests = FILES.filter((file) =>
      /(^|\/)(package\.json|Dockerfile|go\.mod|requirements.*\.txt)$/.test(file),
    );
    const byDefault = /(^|\/)(package\.json|Dockerfile|go\.mod|requirements(-\w+)?\.txt)$/;
    expect(manifests.length).toBeGreaterThan(9);
    // Without this the recommended settings leave out every folder tests/, where the tools of the checks are.
    expect(config.ignorePaths).toEqual(['**/node_modules/**']);
    expect(manifests.filter((file) => !byDefault.test(file))).toEqual([]);
  });

  it('leaves our own image and manifests to releases and promotion', () => {
    const off = config.packageRules.filter(({ enabled }) => enabled === false);
    const patterns = off.flatMap(({ matchPackageNames = [] }) => matchPackageNames);
    const isOff = (name: string): boolean =>
      patterns.some((pattern) =>
        pattern.startsWith('/') ? new RegExp(pattern.slice(1, -1)).test(name) : pattern === name,
      );
    expect(isOff('ghcr.io/cv-inference/cv-inference')).toBe(true);
    expect(isOff('https://github.com/cv-inference/cv-inference')).toBe(true);
    expect(isOff('cv-inference')).toBe(true);
    expect(isOff('ghcr.io/kedacore/keda')).toBe(false);
  });

  it('is the only bot', () => {
    expect(
      FILES.filter((file) => /dependabot\.ya?ml$|(^|\/)\.?renovate(rc)?(\.json5?)?$/.test(file)),
    ).toEqual(['.github/renovate.json']);
  });
});
