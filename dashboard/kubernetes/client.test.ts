import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startScriptedServer } from '../../service/test/support/s3-server.js';
import { clientOf, connectToKubernetes } from './client.js';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'cv-dashboard-'));
  vi.stubEnv('HOME', home);
  vi.stubEnv('KUBECONFIG', '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true });
});

it('takes no cluster where none is named, least of all itself', () => {
  expect(() => connectToKubernetes()).toThrow('neither a kubeconfig nor a service account names a cluster');
});

it('says which file is not there, and which names no cluster', async () => {
  vi.stubEnv('KUBECONFIG', join(home, 'absent'));
  expect(() => connectToKubernetes()).toThrow(/absent/);
  await writeFile(join(home, 'empty'), '{ apiVersion: v1, kind: Config }');
  vi.stubEnv('KUBECONFIG', join(home, 'empty'));
  expect(() => connectToKubernetes()).toThrow(/names a cluster/);
});

it.each([
  [403, '{"kind":"Status","message":"pods is forbidden"}', 'pods is forbidden'],
  [502, '<html>', '502 Bad Gateway'],
  [500, '{"message":7}', '500 Internal Server Error'],
  [302, '', '302 Found'],
])('is refused with %i and the words of the server where it has some: %j', async (status, body, message) => {
  const server = await startScriptedServer((_, response) => {
    response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end(body);
  });
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: 'it', server: server.url, skipTLSVerify: true }, { name: 'it' });
  const refused = clientOf(config).get('/api/v1/pods', new AbortController().signal);
  await expect(refused).rejects.toMatchObject({ status, message });
  await server.close();
});
