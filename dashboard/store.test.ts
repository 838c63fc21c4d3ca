import { expect, it } from 'vitest';
import type { AlertItem, Entry, PodItem } from './items.js';
import { MAX_ITEMS, Store } from './store.js';
import { MAX_OF_EACH } from './timeline.js';

const AT = '2026-01-15T10:30:00.000Z';

function newStore(timeline: readonly Entry[] = []): Store {
  return new Store({
    now: () => Date.parse(AT),
    timeline,
    onChange: () => undefined,
    onEntry: () => undefined,
  });
}

function pod(name: string): PodItem {
  return {
    id: `pod/it/${name}`,
    kind: 'pod',
    namespace: 'it',
    name,
    app: 'it',
    phase: 'Pending',
    ready: false,
    restarts: 0,
    node: '',
    image: 'it:1',
    version: 'aaa',
    createdAt: AT,
  };
}

const alert: AlertItem = {
  id: 'alert/it/Down',
  kind: 'alert',
  namespace: 'it',
  name: 'Down',
  severity: 'critical',
  summary: 'Nothing answers',
  startedAt: AT,
  silenced: false,
};

const stateOfItems = (store: Store) => store.snapshot().sources.find(({ name }) => name === 'items');

it('what is left out is said as long as it is left out', () => {
  const store = newStore();
  for (let index = 0; index < MAX_ITEMS; index += 1) store.put(pod(`${index}`), false);
  for (const name of ['changes', 'goes', 'is-listed-no-more']) store.put(pod(name), false);
  expect(stateOfItems(store)).toMatchObject({ state: 'failed', reason: expect.stringContaining('5000') });
  store.remove('pod/it/0');
  store.put(pod('changes'), false);
  store.remove('pod/it/goes');
  expect(stateOfItems(store)?.state).toBe('failed');
  store.sync('pod/it/', [pod('changes')]);
  expect(stateOfItems(store)?.state).toBe('connected');
});

it('pods that come and go drive nothing else out of the timeline, nor do others drive them out', () => {
  const store = newStore();
  store.put(alert);
  for (let round = 0; round < 3 * MAX_OF_EACH; round += 1) {
    store.put(pod('one'));
    store.remove('pod/it/one');
  }
  const change = store.takeChange()?.timeline ?? [];
  const { timeline } = store.snapshot();
  for (const lines of [timeline, change, newStore(timeline).snapshot().timeline]) {
    expect(lines).toHaveLength(MAX_OF_EACH + 1);
    expect(lines[0]?.kind).toBe('alert');
    expect(lines.at(-1)?.text).toBe('pod one is gone');
  }
  for (let round = 0; round < 3 * MAX_OF_EACH; round += 1) {
    store.remove(alert.id);
    store.put(alert);
  }
  const kinds = store.snapshot().timeline.map(({ kind }) => kind);
  for (const kind of ['pod', 'alert']) expect(kinds.filter((one) => one === kind)).toHaveLength(MAX_OF_EACH);
});
