// @ts-check
import { el } from '../../service/playground/dom.js';
import { badge, short } from './words.js';

/**
 * @typedef {import('../items.js').RolloutItem} RolloutItem
 * @typedef {import('../items.js').Analysis} Analysis
 */

/**
 * How far a new version has come: each step, the one that goes on, and what is measured meanwhile.
 * @param {RolloutItem} rollout
 */
export function rolloutView(rollout) {
  const { name, phase, message, weight, stable, current, aborted, analyses } = rollout;
  const isUnderWay = stable !== current;
  const state = aborted ? 'Aborted' : phase;
  return el(
    'div',
    { className: 'rollout' },
    el(
      'p',
      { className: 'rollout-head' },
      badge(state, aborted ? 'bad' : undefined),
      ` ${name} `,
      ...(isUnderWay
        ? ['takes ', short(current), ' in the place of ', short(stable)]
        : ['at ', short(stable)]),
      isUnderWay && !aborted && el('strong', { textContent: ` ${weight} % of the traffic` }),
    ),
    message !== '' && el('p', { className: aborted ? 'fault' : 'hint', textContent: message }),
    isUnderWay && stepList(rollout),
    ...(isUnderWay ? analyses.map(analysisView) : []),
  );
}

/** @param {RolloutItem} rollout */
function stepList({ steps, stepsDone, aborted }) {
  const stateOf = (/** @type {number} */ index) => {
    if (index < stepsDone) return 'done';
    return index === stepsDone && !aborted ? 'now' : 'later';
  };
  return el(
    'ol',
    { className: 'steps', 'aria-label': 'Steps' },
    ...steps.map((step, index) =>
      el(
        'li',
        {
          className: `step is-${stateOf(index)}`,
          'aria-current': stateOf(index) === 'now' ? 'step' : undefined,
        },
        step,
      ),
    ),
  );
}

/** @param {Analysis} analysis */
function analysisView({ phase, message, metrics }) {
  return el(
    'ul',
    { className: 'analysis', 'aria-label': 'Analysis' },
    ...metrics.map(({ name, phase: state, value, failed, measured }) =>
      el(
        'li',
        {},
        badge(state),
        ` ${name} `,
        value !== '' && el('code', { textContent: value }),
        el('span', { className: 'hint', textContent: ` ${failed} of ${measured} failed` }),
      ),
    ),
    message !== '' && el('li', {}, badge(phase), ` ${message}`),
  );
}
