// @ts-check
import { Bench } from './bench.js';
import { byId, el, fill } from './dom.js';
import { canBeDrawnFor, factsOf } from './facts.js';
import { counted } from './format.js';
import { TabKeys } from './keys.js';
import { LiveView } from './live-view.js';
import { ProblemView } from './problem-view.js';
import { SamplesView } from './samples-view.js';
import { Problem, Service } from './service.js';
import { listenForImages } from './sources.js';

const service = new Service(new TabKeys());
const problem = new ProblemView(byId('problem', HTMLElement));
/** @type {Bench | undefined} */
let bench;
/** @type {LiveView | undefined} */
let live;
/** @type {SamplesView | undefined} */
let samples;
let isStarting = false;

/** Learns about the model, and begins with it; again where it turns out to be another one. */
async function start() {
  if (isStarting) return;
  isStarting = true;
  await begin();
  isStarting = false;
}

async function begin() {
  bench?.close();
  live?.stop();
  samples?.clear();
  problem.clear();
  try {
    const model = await service.model();
    const facts = factsOf(model, await service.document());
    showModel(facts);
    live = new LiveView(byId('live', HTMLElement), service, facts, showState);
    samples = new SamplesView(service, (image, name) => bench?.show(image, name));
    bench = new Bench(service, facts, {
      onImages: (names) => samples?.mark(names),
      onAnswer: (digest) => (digest === facts.digest ? live?.wake() : void start()),
    });
    live.start();
    void showSamples(facts, bench, samples);
  } catch (error) {
    showState(false);
    problem.show(error, start);
    const seconds = error instanceof Problem ? error.retryAfterSeconds : undefined;
    if (seconds !== undefined) setTimeout(start, seconds * 1000);
  }
}

/**
 * The first thing that is seen is an answer.
 * @param {import('./facts.js').Facts} facts
 * @param {Bench} bench
 * @param {SamplesView} samples
 */
async function showSamples(facts, bench, samples) {
  const found = await service.samples().catch(() => []);
  if (found.length === 0 && canBeDrawnFor(facts)) bench.draw();
  await samples.show(found, bench.imagesWanted);
}

/** @param {import('./facts.js').Facts} facts */
function showModel({ name, version, task, about, labels, input, provider, needsKey }) {
  const { width, height, channels } = input;
  const size = width === undefined || height === undefined ? 'any size' : `${width} × ${height}`;
  const facts = [
    task.replaceAll('-', ' '),
    labels.length > 0 && counted(labels.length, 'label'),
    `sees ${size}, ${channels}`,
    `version ${version}`,
    provider,
  ];
  document.title = `${name} · cv-inference`;
  byId('model-name', HTMLElement).textContent = name;
  byId('model-about', HTMLElement).textContent = about;
  byId('docs-link', HTMLElement).hidden = needsKey;
  fill(
    byId('model-facts', HTMLElement),
    ...facts.flatMap((fact) => (fact === false ? [] : [el('li', { textContent: fact })])),
  );
  showState(true);
}

/** @param {boolean} isReady */
function showState(isReady) {
  const state = byId('state', HTMLElement);
  const text = isReady ? 'Ready' : 'Not ready';
  if (state.textContent !== text) state.textContent = text;
  state.classList.toggle('is-ready', isReady);
}

listenForImages((image, name) => void bench?.show(image, name));
void start();
