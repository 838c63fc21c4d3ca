import { expect, it } from 'vitest';
import { startScriptedServer } from '../../service/test/support/s3-server.js';
import { startDashboard } from './support/dashboard.js';
import { Viewer } from './support/viewer.js';

const PODS = 'pods in cv-inference';
const metadata = (name: string) => ({ name, namespace: 'cv-inference', resourceVersion: '7' });

/** What answers for the API server: pods as given, of everything else nothing. */
function startBroken(items: readonly unknown[], watched: string) {
  return startScriptedServer(({ url = '' }, response) => {
    const isPods = url.includes('/pods?');
    if (url.includes('watch=true') && isPods) response.write(watched);
    else if (!url.includes('watch=true'))
      response.end(JSON.stringify({ metadata: { resourceVersion: '1' }, items: isPods ? items : [] }));
    else response.flushHeaders();
  });
}

it('an object that is not what its kind should be costs itself alone', async () => {
  const strange = { metadata: metadata('strange'), status: { containerStatuses: 7 } };
  const event = JSON.stringify({ type: 'ADDED', object: { metadata: metadata('later') } });
  const broken = JSON.stringify({ type: 'MODIFIED', object: strange });
  const server = await startBroken([strange, { metadata: metadata('sound') }], `${broken}\n${event}\n`);
  const dashboard = await startDashboard({ server: server.url, token: 'it' });
  const viewer = await Viewer.open(dashboard.url);
  await viewer.until(({ items }) => items.size === 2);
  expect([...viewer.items.keys()].sort()).toEqual(['pod/cv-inference/later', 'pod/cv-inference/sound']);
  expect(viewer.sources.get(PODS)?.state).toBe('connected');
  viewer.leave();
  await dashboard.close();
  await server.close();
});

it.each([
  ['half a line, and nothing more', '{"type":"ADDED"', 'connected'],
  ['no JSON', '<html>\n', 'failed'],
  ['an event without an object', '{"type":"ADDED"}\n', 'failed'],
])('a watch that brings %s loses nothing of what was listed', async (_, watched, state) => {
  const server = await startBroken([{ metadata: metadata('sound') }], watched);
  const dashboard = await startDashboard({ server: server.url, token: 'it' });
  const viewer = await Viewer.open(dashboard.url);
  await viewer.until(({ items, sources }) => items.size === 1 && sources.get(PODS)?.state === state);
  expect((await fetch(`${dashboard.url}/ready`)).status).toBe(200);
  viewer.leave();
  await dashboard.close();
  await server.close();
});
