import { parseArgs } from 'node:util';
import { ATTACKS } from '../attacks/all-attacks.js';
import { containerLauncher } from './container.js';
import { PLAIN_PROCESS } from './plain-process.js';
import { checkLines, table } from './report.js';
import { Soak, type SoakOptions } from './soak.js';
import type { Launcher, Subject } from './subject.js';
import { judge } from './verdict.js';

const DEFAULT_MINUTES = '10';
/** For what was held during the attacks to be let go of. */
const QUIET_SECONDS = 60;
/** Phases beside the attacks: the time before them, and the one with the log that nobody reads. */
const OTHER_PHASES = 2;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: DEFAULT_MINUTES },
    only: { type: 'string' },
    process: { type: 'boolean', default: false },
    quiet: { type: 'string', default: String(QUIET_SECONDS) },
  },
});

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function readOptions(): SoakOptions {
  const names = values.only?.split(',');
  const attacks = ATTACKS.filter(({ name }) => names?.includes(name) ?? true);
  const minutes = Number(values.minutes);
  if (!(minutes > 0) || (names !== undefined && attacks.length < names.length)) {
    throw new Error(
      `--minutes NUMBER --only ${ATTACKS.map(({ name }) => name).join(',')} --quiet SECONDS --process`,
    );
  }
  const phaseSeconds = (minutes * 60) / (attacks.length + OTHER_PHASES);
  return { phaseSeconds, quietSeconds: Number(values.quiet), attacks };
}

/** No service is left running where this process is told to end. */
function endedBySignals({ sentence, start }: Launcher): Launcher {
  let current: Subject | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await current?.destroy();
      process.exit(1);
    });
  }
  return {
    sentence,
    start: async (port) => {
      current = await start(port);
      return current;
    },
  };
}

const options = readOptions();
const launcher = (values.process ? undefined : await containerLauncher()) ?? PLAIN_PROCESS;
say(launcher.sentence);
say(`${options.attacks.length} attacks, ${options.phaseSeconds.toFixed(0)} s each`);
for (const { name, what } of options.attacks) say(`  ${name}: ${what}`);
const result = await Soak.run(endedBySignals(launcher), options, say);
say(`\n${table(result.phases)}\n`);
const checks = judge(result);
say(checkLines(checks));
process.exitCode = checks.every(({ isKept }) => isKept) ? 0 : 1;
