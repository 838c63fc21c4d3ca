import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a tool answers where `call`, its name and arguments in one line, matches. */
export interface Answer {
  readonly call: RegExp;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly code?: number;
  /** Shell that runs first, with the call's arguments; its exit code is the tool's, where there is no `code`. */
  readonly does?: string;
}

const LOG = 'calls.log';

/** Stands in for a tool: writes down how it was called, and answers by the first match. A call without one fails. */
export function fakeTool(bin: string, name: string, answers: readonly Answer[]): void {
  const rules = join(bin, `${name}.rules.json`);
  writeFileSync(rules, JSON.stringify(answers.map((answer) => ({ ...answer, call: answer.call.source }))));
  writeFileSync(
    join(bin, name),
    `#!/usr/bin/env node
const { appendFileSync, readFileSync } = require('node:fs');
const { spawnSync } = require('node:child_process');
const args = process.argv.slice(2);
const line = [${JSON.stringify(name)}, ...args].join(' ').replaceAll('\\n', '\\\\n');
appendFileSync(${JSON.stringify(join(bin, LOG))}, line + '\\n');
const answer = JSON.parse(readFileSync(${JSON.stringify(rules)}, 'utf8')).find(({ call }) => new RegExp(call).test(line));
if (answer === undefined) {
  process.stderr.write('unexpected: ' + line + '\\n');
  process.exit(97);
}
const done = answer.does === undefined ? undefined : spawnSync('bash', ['-c', answer.does, 'bash', ...args], { stdio: 'inherit' });
process.stdout.write(answer.stdout ?? '');
process.stderr.write(answer.stderr ?? '');
process.exit(answer.code ?? done?.status ?? 0);
`,
    { mode: 0o755 },
  );
}

/** How the tools were called, in order. */
export function callsOf(bin: string): string[] {
  const log = join(bin, LOG);
  return existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : [];
}
