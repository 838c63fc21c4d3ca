// @ts-check

import { byId, el, fill } from './dom.js';
import { canBeDrawnFor, factsOf } from './facts.js';
import { counted } from './format.js';
import { TabKeys } from './keys.js';
import { LiveView } from './live-view.js';
import { Playground } from './playground.js';
import { ProblemView } from './problem-view.js';
import { SamplesView } from './samples-view.js';
import { Problem, Service } from './service.js';
import { listenForImages } from './sources.js';

const service = new Service(new TabKeys());
const problem = new ProblemView(byId('problem', HTMLElement));
/** @type {Playground | undefined} */
let playground;
/** @type {LiveView | undefined} */
let live;
/** @type {SamplesView | undefined} */
let samples;
let isStarting = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** Learns about the model, and begins with it; again where it turns out to be another one. */
async function start() {
  if (isStarting) return;
  isStarting = true;
  await begin();
  isStarting = false;
}

async function begin() {
  clearTimeout(timer);
  playground?.close();
  playground = undefined;
  live?.stop();
  samples?.clear();
  problem.clear();
  try {
    const facts = factsOf(...(await Promise.all([service.model(), service.document()])));
    showModel(facts);
    live = new LiveView(byId('live', HTMLElement), service, facts, showState);
    samples = new SamplesView(
      service,
      (image, name) => playground?.show(image, name),
      (error, again) => problem.show(error, again),
    );
    playground = new Playground(service, facts, problem, {
      onImages: (names) => samples?.mark(names),
      onAnswer: (digest) => (digest === facts.digest ? live?.wake() : void start()),
    });
    live.start();
    void showSamples(facts, playground, samples);
  } catch (error) {
    showState(false);
    problem.show(error, start);
    const seconds = error instanceof Problem ? error.retryAfterSeconds : undefined;
    if (seconds !== undefined) timer = setTimeout(start, seconds * 1000);
  }
}

/**
 * The first thing that is seen is an answer.
 * @param {import('./facts.js').Facts} facts
 * @param {Playground} playground
 * @param {SamplesView} samples
 */
async function showSamples(facts, playground, samples) {
  const found = await service.samples().catch(() => []);
  if (found.length === 0 && canBeDrawnFor(facts)) playground.draw();
  await samples.show(found, playground.imagesWanted);
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

listenForImages((image, name) => void playground?.show(image, name));
void start();
