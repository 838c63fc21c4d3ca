import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { emptyFolder } from './folder.js';
import { type Ended, type Environment, ROOT, run } from './run.js';

/** How a fake tool answers a call that matches; the first match counts, and what matches none succeeds in silence. */
export interface Rule {
  /** Of bash: the tool's name and its arguments, in one line. */
  readonly call: string;
  readonly stdout?: string;
  readonly code?: number;
  /** So many calls fail before it answers. */
  readonly failures?: number;
  /** Bash that runs first, with the call's arguments. */
  readonly does?: string;
}

const FAKE = `#!/usr/bin/env bash
line="\${0##*/} $*"
line=\${line//$'\\n'/\\\\n}
here=$(dirname "$0")
printf '%s\\n' "$line" >>"$here/calls.log"
for rule in "$here"/rules/*; do
  [[ $line =~ $(<"$rule/call") ]] || continue
  left=$(<"$rule/failures")
  if ((left > 0)); then
    echo $((left - 1)) >"$rule/failures"
    echo "fake \${0##*/} fails" >&2
    exit 1
  fi
  source "$rule/does"
  cat "$rule/stdout"
  exit "$(<"$rule/code")"
done
`;
const TOOLS = ['kind', 'kubectl', 'docker', 'helm', 'curl', 'sleep'];

/** Fakes on the PATH, and what they were called with. */
export class FakeCluster {
  readonly folder = emptyFolder();
  readonly bin = join(this.folder, 'bin');
  readonly out = join(this.folder, 'out');
  #rules = 0;

  constructor(rules: readonly Rule[] = []) {
    mkdirSync(join(this.bin, 'rules'), { recursive: true });
    writeFileSync(join(this.bin, 'fake'), FAKE, { mode: 0o755 });
    for (const tool of TOOLS) symlinkSync('fake', join(this.bin, tool));
    for (const rule of rules) this.#add(rule);
    for (const rule of this.#healthy()) this.#add(rule);
  }

  #add({ call, stdout = '', code = 0, failures = 0, does = '' }: Rule): void {
    const folder = join(this.bin, 'rules', String(this.#rules++).padStart(3, '0'));
    mkdirSync(folder);
    const files = { call, stdout, code: String(code), failures: String(failures), does };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  }

  /** Where everything is as it should be. The cluster is there once it has been created. */
  #healthy(): Rule[] {
    const state = join(this.folder, 'clusters');
    return [
      { call: '^kind get clusters', does: `cat ${state} 2>/dev/null` },
      { call: '^kind create', does: `echo cv-inference >${state}` },
      { call: '^kind delete', does: `rm -f ${state}` },
      { call: '^docker image inspect', stdout: `sha256:${'0123456789abcdef'.repeat(4)}\n` },
      { call: '^kubectl kustomize k8s/overlays/local', stdout: 'kind: Job\n  image: cv-inference:local\n' },
      { call: 'get nodes', stdout: 'node/a\nnode/b\nnode/c\n' },
      { call: 'get service cv-inference', stdout: '10.96.0.7' },
      { call: 'get endpointslices', stdout: '10.244.1.2\n10.244.2.2\n' },
      { call: 'get deployment,statefulset', stdout: 'deployment.apps/cv-inference\nstatefulset.apps/x\n' },
      { call: '^curl .*(/metrics|other.localhost)', stdout: '404' },
      {
        call: '^curl .*/predict',
        does: 'echo \'{"predictions":[{"label":"7"}]}\' >"$6"',
        stdout: '200',
      },
      { call: '^curl .*/model', stdout: '200' },
    ];
  }

  /** A script of loadtest/cluster. */
  run(script: string, args: readonly string[] = [], env: Environment = {}, root: string = ROOT): Ended {
    return run(join(root, 'loadtest/cluster', script), args, {
      bin: this.bin,
      env: { OUT: this.out, TMPDIR: this.folder, ...env },
    });
  }

  created(): this {
    writeFileSync(join(this.folder, 'clusters'), 'cv-inference\n');
    return this;
  }

  calls(pattern = /./): string[] {
    const log = join(this.bin, 'calls.log');
    const lines = existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : [];
    return lines.filter((line) => pattern.test(line));
  }
}
