import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tool } from '../../k8s/tests/support/tools.js';
import { commandsOf, faultsOfCommand } from './support/policies.js';
import { ROOT, run, SCRIPTS } from './support/run.js';
import { absent } from './support/tools.js';
import { WORKFLOWS } from './support/workflows.js';

const TRACKED = run('git', ['ls-files', '--cached', '--others', '--exclude-standard'])
  .stdout.trimEnd()
  .split('\n');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const SHELL = TRACKED.filter(
  (file) =>
    /^(\.ci|\.github|loadtest|service|training|k8s)\/.*?([^./]+|\.sh)$/.test(file) &&
    /^#!.*\bbash\n/.test(read(file)),
);

/** What is wrong with a shell script. */
function faultsOfScript(text: string): string[] {
  const [, second = ''] = text.split(/\n(?!#)/, 2);
  return [
    ...(text.startsWith('#!/usr/bin/env bash\n#') ? [] : ['does not begin with env bash and what it does']),
    ...(/^set -[eE]?uo pipefail$/m.test(second.split('\n')[0] ?? '')
      ? []
      : ['does not fail at the first failure']),
    ...faultsOfCommand(commandsOf(text)),
  ];
}

describe('shell scripts', () => {
  const ours = SHELL.filter((file) => file.startsWith('.github/'));

  it('are there', () => {
    expect(ours.length).toBeGreaterThan(15);
    expect(SHELL).toEqual(
      expect.arrayContaining(['.ci/pipelines', '.github/scripts/deliver', 'training/check.sh']),
    );
  });

  it.each(ours)('%s fails at the first failure, says what it does, and calls what exists', (file) => {
    expect(faultsOfScript(read(file))).toEqual([]);
  });

  it.each(SHELL)('%s can be run', (file) => {
    expect(statSync(join(ROOT, file)).mode & 0o111).not.toBe(0);
  });

  it.each([
    ['#!/bin/sh\n# Does it.\nset -euo pipefail\n'],
    ['#!/usr/bin/env bash\n# Does it.\necho\n'],
    ['#!/usr/bin/env bash\n# Does it.\nset -eu\n'],
    ['#!/usr/bin/env bash\n# Does it.\nset -euo pipefail\n.github/scripts/no-such-script\n'],
  ])('would be refused: %j', (text) => {
    expect(faultsOfScript(text)).not.toEqual([]);
    expect(faultsOfScript('#!/usr/bin/env bash\n# Does it.\nset -euo pipefail\n.ci/run\n')).toEqual([]);
  });

  it.skipIf(absent('shellcheck'))('please shellcheck', () => {
    const { code, stdout } = run(tool('shellcheck') ?? '', ['-x', ...SHELL]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  });
});

/** The scripts that run before anything is installed or built, by Node's own reading of TypeScript. */
describe('scripts that are run as TypeScript', () => {
  const named = WORKFLOWS.flatMap(({ text }) => [...text.matchAll(/node (\.github\/scripts\/[\w-]+\.ts)/g)]);
  const entries = [...new Set(named.map(([, file = '']) => file))];

  /** A file and what it imports of ours, further on too. */
  function withImports(file: string): string[] {
    const imports = [...read(file).matchAll(/from '(\.[^']+)'/g)].map(([, target = '']) =>
      join(dirname(file), target),
    );
    return [file, ...imports.flatMap(withImports)];
  }

  it('are those of ci.yml, and those that stand beside a token', () => {
    const names = ['changes', 'gate', 'loadtest-report', 'plan-report'];
    expect(entries.sort()).toEqual(names.map((name) => `.github/scripts/${name}.ts`));
  });

  it.each(entries)('%s needs Node alone', (file) => {
    for (const one of withImports(file)) {
      const targets = [...read(one).matchAll(/from '([^']+)'/g)].map(([, target = '']) => target);
      expect(targets.filter((target) => !/^node:|^\.{1,2}\/[\w./-]+\.ts$/.test(target))).toEqual([]);
      // Types can be left out of these; enums, namespaces and parameter properties could not.
      expect(read(one)).not.toMatch(
        /^\s*(export )?(enum|namespace|declare)\b|constructor\((private|public|readonly)/m,
      );
    }
  });
});

it('every script is called by something: a workflow, the Jenkinsfile or another script', () => {
  const callers = TRACKED.filter((file) =>
    /^\.github\/(workflows|actions|scripts)\/|^Jenkinsfile$|^Makefile$|^loadtest\/.*\.sh$/.test(file),
  );
  const text = callers.map((file) => [file, read(file)] as const);
  const unused = readdirSync(SCRIPTS).filter((name) => {
    const stem = name.replace(/\.ts$/, '');
    const called = new RegExp(`[/"]${stem}(\\.(js|ts))?(?![\\w-])`);
    return !text.some(([file, content]) => file !== `.github/scripts/${name}` && called.test(content));
  });
  expect(unused).toEqual([]);
});
