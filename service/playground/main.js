// @ts-check

import { byId, el, fill } from './dom.js';
import { canBeDrawnFor, factsOf } from './facts.js';
import { counted } from './format.js';
import { TabKeys } from './keys.js';
import { LiveView } from './live-view.js';
import { OtherModelView } from './other-model-view.js';
import { Playground } from './playground.js';
import { ProblemView } from './problem-view.js';
import { SamplesView } from './samples-view.js';
import { Problem, Service } from './service.js';
import { listenForImages } from './sources.js';

const service = new Service(new TabKeys());
const problem = new ProblemView(byId('problem', HTMLElement));
const otherModel = new OtherModelView(byId('other-model', HTMLElement));
/** @type {Playground | undefined} */
let playground;
/** @type {LiveView | undefined} */
let live;
/** @type {SamplesView | undefined} */
let samples;
let isStarting = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** Learns about the model, and begins with it: with the images that are there, or with samples. */
async function start() {
  if (isStarting) return;
  isStarting = true;
  await begin();
  isStarting = false;
}

async function begin() {
  clearTimeout(timer);
  problem.clear();
  try {
    const facts = factsOf(...(await Promise.all([service.model(), service.document()])));
    const images = playground?.images ?? [];
    playground?.close();
    live?.stop();
    samples?.clear();
    otherModel.clear();
    showModel(facts);
    live = new LiveView(byId('live', HTMLElement), service, facts, showState);
    samples = new SamplesView(
      service,
      (image, name) => playground?.show(image, name),
      (error, again) => problem.show(error, again),
    );
    playground = new Playground(service, facts, problem, {
      onImages: (names) => samples?.mark(names),
      onAnswer: (model) => {
        live?.wake();
        if (model.digest === facts.digest) otherModel.clear();
        else otherModel.show(model, start);
      },
    });
    live.start();
    void showImages(facts, playground, samples, images);
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
 * @param {readonly import('./playground.js').GivenImage[]} images that were there before
 */
async function showImages(facts, playground, samples, images) {
  for (const { image, name } of images.slice(0, playground.imagesWanted)) await playground.show(image, name);
  const found = await service.samples().catch(() => []);
  const isEmpty = images.length === 0;
  if (isEmpty && found.length === 0 && canBeDrawnFor(facts)) playground.draw();
  await samples.show(found, isEmpty ? playground.imagesWanted : 0);
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
