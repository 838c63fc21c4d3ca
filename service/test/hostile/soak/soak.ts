import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../bench/free-port.js';
import type { Attack } from '../attacks/attack.js';
import { attackFromOutside } from './attack-job.js';
import { HonestTraffic, warmUp } from './honest-traffic.js';
import { type HonestRequest, send } from './http-client.js';
import { type KnownImage, learnImages } from './known-images.js';
import { type Phase, Phases } from './phase.js';
import { Probes } from './probes.js';
import { everyMs, type Repetition } from './schedule.js';
import type { Launcher, Subject } from './subject.js';
import type { SoakResult } from './verdict.js';

export interface SoakOptions {
  /** Of the time before the attacks and of each attack. */
  readonly phaseSeconds: number;
  readonly quietSeconds: number;
  readonly attacks: readonly Attack[];
}

/** The phase in which nobody reads the log. */
export const STALLED_LOG = 'stalled-log';
/** The attack that makes the most lines of log with the least work. */
const TALKATIVE = 'probing';
const WARM_UP_MS = 20_000;
const MEMORY_INTERVAL_MS = 500;
const START_LIMIT_MS = 60_000;
/** After an attack, until honest clients are served again. */
const RECOVERY_LIMIT_MS = 15_000;
const POLL_MS = 100;
const STOP_LIMIT_MS = 30_000;

/** Attacks a service while honest clients use it. */
export class Soak {
  readonly #launcher: Launcher;
  readonly #options: SoakOptions;
  readonly #say: (line: string) => void;
  readonly #phases = new Phases();
  readonly #port: number;
  #subject: Subject;
  /** What any working service answers by 200. */
  #simplest: HonestRequest = { path: '/health', headers: {} };

  private constructor(
    launcher: Launcher,
    options: SoakOptions,
    say: (line: string) => void,
    port: number,
    subject: Subject,
  ) {
    this.#launcher = launcher;
    this.#options = options;
    this.#say = say;
    this.#port = port;
    this.#subject = subject;
  }

  static async run(
    launcher: Launcher,
    options: SoakOptions,
    say: (line: string) => void,
  ): Promise<SoakResult> {
    const port = await freePort();
    const soak = new Soak(launcher, options, say, port, await launcher.start(port));
    try {
      return await soak.#run();
    } finally {
      await soak.#subject.destroy();
    }
  }

  async #run(): Promise<SoakResult> {
    await this.#untilReady();
    const images = await learnImages(this.#subject.url);
    this.#simplest = simplest(images);
    const answered = await warmUp(this.#subject.url, images, WARM_UP_MS);
    this.#say(`${images.length} images are known; warm after ${answered} requests in ${WARM_UP_MS / 1000} s`);
    const first = this.#phases.begin('before');
    const watch = this.#watchMemory();
    const probes = this.#probe();
    const traffic = new HonestTraffic(this.#subject.url, images, (request, startedAt) =>
      this.#phases.at(startedAt).requests.push(request),
    );
    await this.#last(first, sleep(this.#options.phaseSeconds * 1000));
    for (const attack of this.#options.attacks) await this.#attackWith(attack);
    await this.#stallLog();
    await this.#last(this.#phases.begin('after'), sleep(this.#options.quietSeconds * 1000));
    await traffic.stop();
    await probes.stop();
    watch.stop();
    return { phases: this.#phases.all, exitCode: await this.#subject.stop(STOP_LIMIT_MS) };
  }

  async #attackWith({ name }: Attack): Promise<void> {
    const phase = this.#phases.begin(name);
    const attack = async (): Promise<void> => {
      phase.outcomes = await this.#attack(name);
    };
    await this.#last(phase, attack());
  }

  /** Nobody takes its log any more, as where a collector hangs, while some hundred lines a second are written. */
  async #stallLog(): Promise<void> {
    const phase = this.#phases.begin(STALLED_LOG);
    const stalled = async (): Promise<void> => {
      await this.#subject.stallLog();
      phase.outcomes = await this.#attack(TALKATIVE);
    };
    await this.#last(
      phase,
      stalled().finally(() => this.#subject.resumeLog()),
    );
  }

  async #attack(name: string): Promise<Phase['outcomes']> {
    const { outcomes } = await attackFromOutside({
      name,
      url: this.#subject.url,
      seconds: this.#options.phaseSeconds,
    });
    if (Object.keys(outcomes).length === 0) throw new Error('the attack did nothing');
    return outcomes;
  }

  /** Sees a phase to its end; a service that has died or serves nobody is started anew, as by an orchestrator, for the next. */
  async #last(phase: Phase, what: Promise<unknown>): Promise<void> {
    await what.catch((error: unknown) => phase.faults.push(String(error).slice(0, 300)));
    if (!(await this.#recovers())) {
      const code = this.#subject.exitCode;
      phase.faults.push(
        code === undefined
          ? `serves nobody ${RECOVERY_LIMIT_MS / 1000} s later: started anew`
          : `the service ended with ${code}: started anew`,
      );
      this.#say(this.#subject.tail());
      await this.#startAnew();
    }
    const { name, requests, refusals, faults } = phase;
    const told = `${name}: ${phase.count('ok')} ok of ${requests.length} that have ended so far, ${refusals} refusals`;
    this.#say([told, ...faults].join('; '));
  }

  /** Whether it answers an honest client soon. */
  async #recovers(): Promise<boolean> {
    for (const deadline = performance.now() + RECOVERY_LIMIT_MS; performance.now() < deadline; ) {
      if (this.#subject.exitCode !== undefined) return false;
      const asked = send(this.#subject.url, this.#simplest, { timeoutMs: RECOVERY_LIMIT_MS });
      if ((await asked.catch(() => undefined))?.status === 200) return true;
      await sleep(POLL_MS);
    }
    return false;
  }

  async #startAnew(): Promise<void> {
    await this.#subject.destroy();
    this.#subject = await this.#launcher.start(this.#port);
    await this.#untilReady();
  }

  #watchMemory(): Repetition {
    return everyMs(MEMORY_INTERVAL_MS, () => {
      const reading = this.#subject.exitCode === undefined ? this.#subject.readMemory() : undefined;
      if (reading !== undefined) this.#phases.all.at(-1)?.memory.push(reading);
    });
  }

  #probe(): Probes {
    return new Probes(this.#subject.url, {
      health: (ms, startedAt) => this.#phases.at(startedAt).healthMs.push(ms),
      unready: (status) => this.#phases.all.at(-1)?.unready.push(status),
    });
  }

  async #untilReady(): Promise<void> {
    const deadline = performance.now() + START_LIMIT_MS;
    for (;;) {
      const asked = send(this.#subject.url, { path: '/ready', headers: {} }, { timeoutMs: 5000 });
      if ((await asked.catch(() => undefined))?.status === 200) return;
      if (performance.now() > deadline || this.#subject.exitCode !== undefined) {
        throw new Error(`the service does not become ready:\n${this.#subject.tail()}`);
      }
      await sleep(POLL_MS);
    }
  }
}

function simplest([image]: readonly KnownImage[]): HonestRequest {
  if (image === undefined) throw new Error('no image is known');
  return { path: '/predict', headers: { 'content-type': image.contentType }, body: image.bytes };
}
