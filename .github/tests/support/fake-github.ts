import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { emptyFolder } from './folder.js';

export interface FakeComment {
  readonly id: number;
  readonly user: { readonly login: string; readonly type: string } | null;
  body: string;
}

export interface FakePull {
  readonly number: number;
  readonly head: { readonly label: string; readonly sha: string; readonly repo: { readonly id: number } };
}

interface State {
  readonly comments: FakeComment[];
  readonly pulls: readonly FakePull[];
  readonly calls: string[];
  /** How the next calls go wrong: without effect, or with it, and an error all the same. */
  readonly faults: ('before' | 'after')[];
}

/** `gh api` as far as it is used: pages of 100, filters, jq, comments of the bot. Called as a tool, with its state in a file. */
const GH = `#!/usr/bin/env node
const { readFileSync, writeFileSync } = require('node:fs');
const { spawnSync } = require('node:child_process');
const file = __dirname + '/state.json';
const state = JSON.parse(readFileSync(file, 'utf8'));
const [, ...args] = process.argv.slice(2);
const options = { fields: {} };
let path;
while (args.length > 0) {
  const arg = args.shift();
  if (arg === '--method' || arg === '--jq') options[arg.slice(2)] = args.shift();
  else if (arg === '-f' || arg === '-F') {
    const [, name, value] = /^(\\w+)=(.*)$/s.exec(args.shift());
    options.fields[name] = arg === '-F' && value[0] === '@' ? readFileSync(value.slice(1), 'utf8') : value;
  } else if (!arg.startsWith('--')) path = arg.split('?')[0];
}
const method = options.method ?? 'GET';
state.calls.push(method + ' ' + path);
const fault = state.faults.shift();
const save = () => writeFileSync(file, JSON.stringify(state));
const fail = () => { save(); process.stderr.write('HTTP 502\\n'); process.exit(1); };
if (fault === 'before' || process.env.GH_TOKEN !== 'token') fail();
let items;
const edited = state.comments.find(({ id }) => path === 'repos/us/it/issues/comments/' + id);
if (method === 'GET' && path === 'repos/us/it/pulls') items = state.pulls.filter(({ head }) => head.label === options.fields.head);
else if (method === 'GET' && path === 'repos/us/it/issues/7/comments') items = state.comments;
else if (method === 'POST' && path === 'repos/us/it/issues/7/comments') {
  const user = { login: 'github-actions[bot]', type: 'Bot' };
  state.comments.push({ id: 5000 + state.comments.length, user, body: options.fields.body });
} else if (method === 'PATCH' && edited !== undefined) edited.body = options.fields.body;
else fail();
if (fault === 'after') fail();
save();
for (let page = 0; items !== undefined && page * 100 < items.length; page++) {
  const input = JSON.stringify(items.slice(page * 100, page * 100 + 100));
  const { status } = spawnSync('jq', ['-r', options.jq], { input, stdio: ['pipe', 'inherit', 'inherit'] });
  if (status !== 0) process.exit(status);
}
`;

/** A Node that reads TypeScript, as the workflow has: runs what it was built to. */
const NODE = `#!/bin/bash
[[ $1 == .github/scripts/*.ts ]] && set -- "dist/\${1%.ts}.js" "\${@:2}"
exec '${process.execPath}' "$@"
`;

export function nodeOfTypeScript(bin: string): void {
  writeFileSync(join(bin, 'node'), NODE, { mode: 0o755 });
}

export class FakeGitHub {
  readonly bin = emptyFolder();
  private readonly file = join(this.bin, 'state.json');

  constructor(comments: readonly FakeComment[], pulls: readonly FakePull[], faults: State['faults'] = []) {
    writeFileSync(join(this.bin, 'gh'), GH, { mode: 0o755 });
    nodeOfTypeScript(this.bin);
    writeFileSync(this.file, JSON.stringify({ comments, pulls, faults, calls: [] }));
  }

  get state(): State {
    return JSON.parse(readFileSync(this.file, 'utf8'));
  }
}
