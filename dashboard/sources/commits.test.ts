import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { startScriptedServer } from '../../service/test/support/s3-server.js';
import type { ApplicationItem } from '../items.js';
import { Commits } from './commits.js';

const REVISION = 'a'.repeat(40);
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cv-commits-'));
  await writeFile(join(folder, 'token'), 'a-token');
});
afterEach(() => void vi.useRealTimers());
afterAll(() => rm(folder, { recursive: true }));

function applicationAt(name: string): ApplicationItem {
  return {
    kind: 'application',
    id: `application/argocd/${name}`,
    namespace: 'argocd',
    name,
    sync: 'Synced',
    health: 'Healthy',
    target: 'cv-inference',
    revision: REVISION,
  };
}

it('are asked for again where a server was away, also of an application whose commit another has told', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  let isAway = true;
  let asked = 0;
  const server = await startScriptedServer((_, response) => {
    asked += 1;
    response.writeHead(isAway ? 503 : 200).end('{"author":"Ada","message":"One"}');
  });
  const states: string[] = [];
  const commits = new Commits({
    url: server.url,
    tokenFile: join(folder, 'token'),
    stop: new AbortController().signal,
    onState: (...state) => states.push(state.join(' ').trim()),
  });
  const [first, second] = [applicationAt('first'), applicationAt('second')];
  for (const each of [first, second, first, second]) expect(await commits.learn(each)).toBe(false);
  expect([asked, states.at(-1)]).toEqual([2, 'failed first: answers 503']);

  isAway = false;
  vi.advanceTimersByTime(60_000);
  expect(await commits.learn(first)).toBe(true);
  expect(states.at(-1)).toBe('failed second: answers 503');
  expect(await commits.learn(second)).toBe(true);
  expect(states.at(-1)).toBe('connected');
  expect(commits.known(REVISION)?.author).toBe('Ada');
  vi.advanceTimersByTime(60_000);
  for (const each of [first, second]) expect(await commits.learn(each)).toBe(false);
  expect(asked).toBe(4);
  await server.close();
});
