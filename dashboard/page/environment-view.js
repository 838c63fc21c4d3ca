// @ts-check
import { el, fill } from '../../service/playground/dom.js';
import { commitLine, operationOf } from './application-view.js';
import { PodsView } from './pods-view.js';
import { refill } from './refill.js';
import { rolloutView } from './rollout-view.js';
import { badge, clock, short } from './words.js';

/**
 * @typedef {import('../items.js').Item} Item
 * @typedef {import('../items.js').AlertItem} AlertItem
 */

/** A namespace: what Git wants there, what there is, and how that is. */
export class EnvironmentView {
  element;
  /** Its application's name, as people call it; without one the namespace. */
  name;
  #namespace;
  #title = el('h2');
  #badges = el('div', { className: 'badges' });
  #application = el('div');
  #alerts = el('ul', { className: 'alerts' });
  #rollouts = el('div');
  #pods = new PodsView();
  #facts = el('dl', { className: 'facts' });

  /** @param {string} namespace */
  constructor(namespace) {
    this.#namespace = namespace;
    this.name = namespace;
    this.element = el(
      'section',
      { className: 'panel environment' },
      el('div', { className: 'environment-head' }, this.#title, this.#badges),
      this.#application,
      this.#alerts,
      this.#rollouts,
      this.#pods.element,
      this.#facts,
    );
  }

  /** @param {readonly Item[]} items of this namespace */
  show(items) {
    const applications = items.filter((item) => item.kind === 'application');
    const rollouts = items.filter((item) => item.kind === 'rollout');
    this.#showName(applications.map(({ name }) => name));
    refill(this.#badges, applications, (all) =>
      all.flatMap(({ sync, health }) => [badge(sync), badge(health)]),
    );
    refill(this.#application, applications, (all) =>
      all.flatMap((each) => [commitLine(each), ...operationOf(each)]),
    );
    const alerts = items.filter((item) => item.kind === 'alert');
    refill(this.#alerts, alerts, (all) => all.map(alertLine));
    refill(this.#rollouts, rollouts, (all) => all.map(rolloutView));
    this.#pods.show(
      items.filter((item) => item.kind === 'pod'),
      new Set(rollouts.filter((each) => each.current !== each.stable).map(({ current }) => current)),
    );
    const others = items.filter(({ kind }) => kind !== 'pod');
    refill(this.#facts, others, (all) => all.flatMap(factsOf));
  }

  /** @param {readonly string[]} applications */
  #showName(applications) {
    const { length } = applications;
    this.name = length === 0 ? this.#namespace : applications.join(', ');
    this.element.setAttribute('aria-label', this.name);
    fill(
      this.#title,
      this.name,
      length > 0 && el('span', { className: 'hint', textContent: ` ${this.#namespace}` }),
    );
  }
}

/** @param {AlertItem} alert */
function alertLine({ name, severity, summary, startedAt, silenced, runbook }) {
  const title = runbook === undefined ? name : el('a', { href: runbook, textContent: name });
  return el(
    'li',
    { className: silenced ? 'alert is-silenced' : 'alert' },
    badge(silenced ? `${severity}, silenced` : severity, silenced ? 'neutral' : 'bad'),
    ' ',
    title,
    ` ${summary} · since `,
    clock(startedAt),
  );
}

/**
 * @param {Item} item
 * @returns {HTMLElement[]}
 */
function factsOf(item) {
  switch (item.kind) {
    case 'autoscaler': {
      const { current, wanted, min, max, metrics } = item;
      const pods = current === wanted ? `${current}` : `${current} → ${wanted}`;
      return pair('autoscaler', `${pods} pods of ${min} to ${max}`, ...metrics.map((each) => ` · ${each}`));
    }
    case 'model':
      return pair(
        'model',
        `${item.name} ${item.version} `,
        short(item.digest),
        ` on ${item.pods === 1 ? 'one pod' : `${item.pods} pods`}, ${item.provider}`,
      );
    case 'drift':
      return pair('drift', ...driftWords(item));
    case 'retraining': {
      const asked = item.decisions['dispatched'] ?? 0;
      return asked === 0
        ? []
        : pair('retraining', `${asked === 1 ? 'one training' : `${asked} trainings`} asked for`);
    }
    default:
      return [];
  }
}

/** @param {import('../items.js').DriftItem} item */
function driftWords({ name, psi, accuracy }) {
  return [
    name,
    psi === undefined
      ? ''
      : el('span', {
          className: psi.isDrift ? 'is-bad' : '',
          textContent: ` · PSI ${psi.value.toFixed(2)} (${psi.statistic})`,
        }),
    accuracy === undefined ? '' : ` · accuracy ${(accuracy * 100).toFixed(1)} %`,
  ];
}

/**
 * @param {string} term
 * @param {...import('../../service/playground/dom.js').Child} children
 */
function pair(term, ...children) {
  return [el('dt', { textContent: term }), el('dd', {}, ...children)];
}
