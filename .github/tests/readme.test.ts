import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { emptyFolder } from './support/folder.js';
import { ROOT, run } from './support/run.js';
import { WORKFLOWS } from './support/workflows.js';

const readme = readFileSync(join(ROOT, '.github/README.md'), 'utf8');
const section = (title: string): string => readme.split(`## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
const found = (pattern: RegExp, text: string): string[] =>
  [...new Set([...text.matchAll(pattern)].map(([, name = '']) => name))].sort();

it('names every workflow', () => {
  const names = WORKFLOWS.map(({ file }) => basename(file, '.yml'));
  expect(names.filter((name) => !readme.includes(`| \`${name}\` |`))).toEqual([]);
});

it('names every variable and secret that a workflow reads, and no other', () => {
  const workflows = WORKFLOWS.map(({ text }) => text).join('\n');
  const documented = found(/`([A-Z][A-Z_]+)`/g, section('Settings')).filter(
    (name) => name !== 'GITHUB_TOKEN',
  );
  expect(documented).toEqual(found(/\b(?:vars|secrets)\.([A-Z_]+)/g, workflows));
});

it('names every credential and every setting that the Jenkinsfile reads, and no other', () => {
  const jenkinsfile = readFileSync(join(ROOT, 'Jenkinsfile'), 'utf8');
  const names = [
    ...found(/credentialsId: '([^']+)'/g, jenkinsfile),
    ...found(/env\.(CV_\w+)/g, jenkinsfile),
  ].sort();
  expect(found(/`(cv-inference-[\w-]+|CV_\w+)`/g, section('Jenkins'))).toEqual(names);
});

it('shows commands that exist', () => {
  for (const script of found(/(?<![\w/])(\.github\/(?:scripts|tests)\/[\w/-]+)/g, readme)) {
    expect(() => readFileSync(join(ROOT, script)), script).not.toThrow();
  }
});

it('make alone lists every target, and does nothing', () => {
  const { code, stdout } = run('make', [], { bin: emptyFolder() });
  const targets = found(/^([a-z-]+):/gm, readFileSync(join(ROOT, 'Makefile'), 'utf8'));
  expect([code, found(/^ {2}make (\S+)/gm, stdout)]).toEqual([0, targets]);
  expect(targets).toEqual(expect.arrayContaining(['help', 'cluster', 'clean', 'port-forward-grafana']));
});
