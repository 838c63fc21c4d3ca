// @ts-check
import { el } from '../../service/playground/dom.js';
import { badge, clock, short } from './words.js';

/** @typedef {import('../items.js').ApplicationItem} ApplicationItem */

/** @param {ApplicationItem} application */
export function applicationLine(application) {
  const { name, sync, health } = application;
  return el(
    'li',
    {},
    el('span', { className: 'application-name', textContent: name }),
    badge(sync),
    badge(health),
    ...operationOf(application),
  );
}

/**
 * The commit that the environment is at, and who made it.
 * @param {ApplicationItem} application
 */
export function commitLine({ revision, commit }) {
  if (revision === '') return el('p', { className: 'hint', textContent: 'Not compared with Git yet' });
  const who = commit === undefined ? [] : [` ${commit.subject} · `, commit.author, ', ', clock(commit.at)];
  return el('p', { className: 'commit' }, short(revision), ...who);
}

/**
 * What the last operation says where it did not go through.
 * @param {ApplicationItem} application
 */
export function operationOf({ operation }) {
  if (operation === undefined || operation.phase === 'Succeeded') return [];
  const textContent = `${operation.phase}: ${operation.message}`;
  return [el('p', { className: operation.phase === 'Running' ? 'hint' : 'fault', textContent })];
}
