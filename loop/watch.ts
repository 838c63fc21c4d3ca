import type { Sample } from './prometheus.js';
import type { Scene } from './scene.js';
import { percent } from './verdict.js';

const POLL_MS = 1000;
const STATUS_EVERY = 10;
const FIRING = 'ALERTS{alertstate="firing"}';
export const IMAGES_PSI = 'max(cv:input_psi:1h)';
export const ANSWERS_PSI = 'max(cv:answer_psi:1h)';
export const BROKEN_SHARE = 'max(cv:broken_share:1h)';
export const JUDGED_ACCURACY =
  'sum(increase(cv_feedback_total{verdict="correct"}[10s])) / sum(increase(cv_feedback_total{verdict=~"correct|wrong"}[10s]))';

/** Tells the story of the alerts, and how it stands every ten seconds, until it is closed. */
export class Watch {
  readonly #scene: Scene;
  readonly #timer: NodeJS.Timeout;
  #firing: readonly string[] = [];
  #polls = 0;
  #current: Promise<void> = Promise.resolve();
  #isOver = false;

  constructor(scene: Scene) {
    this.#scene = scene;
    this.#timer = setInterval(() => {
      this.#current = this.#current.then(() => this.#look()).catch(() => undefined);
    }, POLL_MS);
  }

  async close(): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#timer);
    await this.#current;
  }

  async #look(): Promise<void> {
    if (this.#isOver) return;
    const { prometheus } = this.#scene.parts;
    const firing = namesOf(await prometheus.query(FIRING));
    for (const name of firing.filter((each) => !this.#firing.includes(each))) {
      this.#scene.story.tell('alert', `${name} fires`);
    }
    for (const name of this.#firing.filter((each) => !firing.includes(each))) {
      this.#scene.story.tell('alert', `${name} has ended`);
    }
    this.#firing = firing;
    this.#polls += 1;
    if (this.#polls % STATUS_EVERY === 0) await this.#saySituation();
  }

  async #saySituation(): Promise<void> {
    const { prometheus } = this.#scene.parts;
    const ask = async (expression: string): Promise<number> =>
      (await prometheus.query(expression))[0]?.value ?? Number.NaN;
    const [images, input, answer] = await Promise.all(
      ['max(cv:window_images:1h)', IMAGES_PSI, ANSWERS_PSI].map(ask),
    );
    const accuracy = this.#scene.camera.accuracy(Date.now() - 5000, Date.now());
    const psi = (value = Number.NaN): string => (Number.isFinite(value) ? value.toFixed(2) : 'unknown');
    this.#scene.story.mention(
      'play',
      `accuracy ${percent(accuracy)}; ${Math.round(images || 0)} images in the window, PSI of images ${psi(input)}, of answers ${psi(answer)}`,
    );
  }
}

/** Names of the alerts that have fired so far. */
export async function alertsFired({ parts }: Scene): Promise<string[]> {
  return namesOf(await parts.prometheus.query(`max_over_time(${FIRING}[1h])`));
}

/** Each once: CvInferenceModelDrift of accuracy is another than that of images and answers. */
export function namesOf(alerts: readonly Pick<Sample, 'labels'>[]): string[] {
  const names = alerts.map(({ labels: { alertname = '', feature } }) =>
    feature === 'accuracy' ? `${alertname} (accuracy)` : alertname,
  );
  return [...new Set(names)].sort();
}
