import { head } from '../../support/raw-connection.js';
import { type Attack, pause, repeat, Tally } from './attack.js';
import { withSockets } from './sockets.js';

const KEPT = 500;
const CHURNING = 16;
const CHURN_INTERVAL_MS = 10;

export const idleConnections: Attack = {
  name: 'idle-connections',
  what: '500 connections that send nothing or rest after a request, and others that come and go',
  async run(target, signal) {
    const tally = new Tally();
    await withSockets(target, signal, async (sockets) => {
      const kept = Array.from({ length: KEPT }, async (_, index) => {
        const socket = await sockets.open();
        if (index % 2 === 0) await socket?.write(head('GET', '/ready'), signal);
        return socket;
      });
      await repeat(CHURNING, signal, async () => {
        (await sockets.open())?.destroy();
        tally.add('came and went');
        await pause(CHURN_INTERVAL_MS, signal);
      });
      for (const socket of await Promise.all(kept)) tally.add(socket?.outcome ?? 'refused');
    });
    return tally;
  },
};
