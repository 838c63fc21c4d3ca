// @ts-check
import { byId, el } from '../../service/playground/dom.js';
import { applicationLine } from './application-view.js';
import { EnvironmentView } from './environment-view.js';
import { Feed } from './feed.js';
import { refill } from './refill.js';
import { sourceLine } from './source-view.js';
import { TimelineView } from './timeline-view.js';

/** @typedef {import('../items.js').Item} Item */

const environments = byId('environments', HTMLElement);
const others = byId('others', HTMLElement);
const connection = byId('connection', HTMLElement);
/** @type {Map<string, EnvironmentView>} */
const views = new Map();
const timeline = new TimelineView({
  list: byId('entries', HTMLElement),
  filters: byId('filters', HTMLElement),
  spoken: byId('spoken', HTMLElement),
});

const CONNECTIONS = {
  live: 'Live',
  asked: 'Live, every 5 s',
  lost: 'Not connected: what is shown is from before',
};
const feed = new Feed(
  { stream: 'events', state: 'state' },
  {
    onConnection: (state) => {
      if (connection.textContent === CONNECTIONS[state]) return;
      connection.textContent = CONNECTIONS[state];
      connection.classList.toggle('is-ready', state !== 'lost');
    },
    onUpdate: draw,
  },
);
let isDrawn = true;

/** At most once a frame, however much arrives. */
function draw() {
  if (!isDrawn) return;
  isDrawn = false;
  requestAnimationFrame(() => {
    isDrawn = true;
    const items = [...feed.items.values()];
    drawEnvironments(items);
    drawOthers(items);
    timeline.show(feed.timeline);
    refill(byId('sources', HTMLElement), feed.sources, (all) => all.map(sourceLine));
  });
}

/** @param {readonly Item[]} items */
function drawEnvironments(items) {
  const byNamespace = Map.groupBy(items, (item) => environmentOf(item, items));
  byNamespace.delete(undefined);
  for (const [namespace, view] of views) {
    if (byNamespace.has(namespace)) continue;
    view.element.remove();
    views.delete(namespace);
  }
  for (const [namespace = '', its] of byNamespace) {
    const view = views.get(namespace) ?? new EnvironmentView(namespace);
    views.set(namespace, view);
    view.show(its);
  }
  placeInOrder();
  environments.querySelector('.nothing')?.remove();
  if (views.size === 0) environments.append(nothing());
}

/** Moves nothing that stands where it belongs: what is open or has the focus stays so. */
function placeInOrder() {
  const inOrder = [...views.values()].sort((one, other) => inOrderOfPromotion(one.name, other.name));
  for (const [index, { element }] of inOrder.entries()) {
    if (environments.children[index] === element) continue;
    environments.insertBefore(element, environments.children[index] ?? null);
  }
}

/** @param {readonly Item[]} items */
function drawOthers(items) {
  const lines = items
    .filter((item) => item.kind === 'application')
    .filter((item) => environmentOf(item, items) === undefined)
    .sort((one, other) => one.name.localeCompare(other.name));
  others.hidden = lines.length === 0;
  refill(byId('applications', HTMLElement), lines, (all) => all.map(applicationLine));
}

/**
 * The namespace that a thing is shown under: one that has pods or a rollout. An application belongs where it applies to.
 * @param {Item} item
 * @param {readonly Item[]} items
 */
function environmentOf(item, items) {
  if (item.kind !== 'application') return item.namespace;
  return items.some(({ kind, namespace }) => kind !== 'application' && namespace === item.target)
    ? item.target
    : undefined;
}

/**
 * Production stands last: what is promoted goes from left to right.
 * @param {string} one
 * @param {string} other
 */
function inOrderOfPromotion(one, other) {
  return Number(/prod/.test(one)) - Number(/prod/.test(other)) || one.localeCompare(other);
}

function nothing() {
  const textContent = feed.isFilled
    ? 'There are no pods in the namespaces that are watched.'
    : 'Waiting for the first list.';
  return el('p', { className: 'hint nothing', textContent });
}

feed.start();
