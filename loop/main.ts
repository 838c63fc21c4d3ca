import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { FULL, SHORT } from './pace.js';
import { PACKAGE_ROOT } from './package-root.js';
import { page } from './page.js';
import { PLAYS } from './plays/plays.js';
import { findPrograms } from './programs.js';
import { playOut } from './run.js';

const USAGE = `npm run loop [-- ${PLAYS.map(({ name }) => name).join(' | ')}] [-- --short] [--page FILE]`;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      short: { type: 'boolean', default: false },
      page: { type: 'string', default: join(PACKAGE_ROOT, '.cache/learning-loop.html') },
    },
  });
  const unknown = positionals.filter((name) => !PLAYS.some((play) => play.name === name));
  if (unknown.length > 0) throw new Error(`there is no play ${unknown.join(', ')}: ${USAGE}`);
  const plays = PLAYS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  return { plays, pace: values.short ? SHORT : FULL, page: values.page };
}

/** @returns the exit code: 0 all plays went as they must, 1 one did not, 2 it could not start */
async function main(): Promise<number> {
  let options: ReturnType<typeof readOptions>;
  let programs: ReturnType<typeof findPrograms>;
  try {
    options = readOptions();
    programs = findPrograms(say);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    return 2;
  }
  const performances = [];
  for (const play of options.plays) performances.push(await playOut(play, programs, options.pace, say));
  mkdirSync(dirname(options.page), { recursive: true });
  writeFileSync(options.page, page(performances));
  for (const { play, isGood, seconds } of performances) {
    say(`${isGood ? 'ok  ' : 'FAIL'}  ${play.name} (${seconds} s): ${play.moral}`);
  }
  say(`the page: ${options.page}`);
  return performances.every(({ isGood }) => isGood) ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));
process.exit(await main());
