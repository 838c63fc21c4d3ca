import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ATTACKS } from './all-attacks.js';
import type { Attack, Target } from './attack.js';

/** Beyond what the slowest of them needs to make its files on a busy machine. */
const LONGEST_MS = 60_000;

/** Connections and requests together: by then an attack is under way. */
const UNDER_WAY = 5;

interface Victim extends Target {
  readonly server: Server;
  readonly underWay: Promise<void>;
}

/** Answers whatever can be read. */
async function startVictim(): Promise<Victim> {
  const server = createServer((request, response) => {
    request.resume().once('end', () => response.end('{}'));
  });
  const underWay = new Promise<void>((resolve) => {
    let events = 0;
    const count = (): void => {
      events += 1;
      if (events === UNDER_WAY) resolve();
    };
    server.on('connection', count).on('request', count);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close().closeAllConnections());
  return { url: urlOf(server), server, underWay };
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function connectionsOf(server: Server): Promise<number> {
  return promisify(server.getConnections.bind(server))();
}

describe.each(ATTACKS.map((attack): [string, Attack] => [attack.name, attack]))('%s', (_, attack) => {
  it(
    'goes on until its signal, and leaves no connection behind',
    async () => {
      const victim = await startVictim();
      const over = new AbortController();
      const run = attack.run(victim, over.signal);
      await Promise.race([victim.underWay, run.then(() => expect.unreachable('it ended before its signal'))]);
      over.abort();
      const { outcomes } = await run;
      expect(Object.values(outcomes).every((count) => count > 0)).toBe(true);
      await expect.poll(() => connectionsOf(victim.server), { timeout: 5000 }).toBe(0);
    },
    LONGEST_MS,
  );

  it(
    'ends at its signal where nobody listens',
    async () => {
      const { server, url } = await startVictim();
      server.close();
      await once(server, 'close');
      const { outcomes } = await attack.run({ url }, AbortSignal.timeout(300));
      expect(Object.keys(outcomes)).not.toContain('200');
    },
    LONGEST_MS,
  );
});
