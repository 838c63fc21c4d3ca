// @ts-check
import { el } from '../../service/playground/dom.js';

const HEALTHY = new Set(['Synced', 'Healthy', 'Successful', 'Running', 'Completed']);
const UNHEALTHY = new Set(['Degraded', 'Missing', 'Failed', 'Error', 'CrashLoopBackOff', 'ImagePullBackOff']);

/**
 * @param {string} state as Kubernetes and Argo name it
 * @returns {'good' | 'bad' | 'neutral'}
 */
export function toneOf(state) {
  if (HEALTHY.has(state)) return 'good';
  return UNHEALTHY.has(state) ? 'bad' : 'neutral';
}

/**
 * A state in its colour, and in words for whoever does not see colours.
 * @param {string} state
 */
export function badge(state, tone = toneOf(state)) {
  return el('span', { className: `badge is-${tone}`, textContent: state });
}

/**
 * A moment, as the clock of whoever looks has it.
 * @param {string} at
 */
export function clock(at) {
  const moment = new Date(at);
  const isToday = moment.toDateString() === new Date().toDateString();
  return el('time', {
    dateTime: at,
    title: at,
    textContent: isToday ? moment.toLocaleTimeString('en-GB') : moment.toLocaleString('en-GB'),
  });
}

/**
 * The first letters of a commit or a digest, whole where it is pointed at.
 * @param {string} digest
 */
export function short(digest) {
  const textContent = digest.replace(/^([a-z0-9-]+:)?(.{9}).*$/, '$2');
  return el('code', { title: digest, textContent });
}
