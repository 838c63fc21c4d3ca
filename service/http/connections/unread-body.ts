import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream/promises';

/** How long whoever was refused in mid-upload may go on sending: an end at once could cost them the answer. */
export const LINGER_MS = 1_000;
/** How much of it is read and thrown away, so that most clients come to the end and to their answer. */
const LINGER_BYTES = 24 * 1024 * 1024;

/**
 * To be awaited before an answer goes out. Where the connection ends with it, a client that is still sending would be
 * cut off before it looks for the answer: its body is taken in first, within the same bounds.
 */
export async function takeInBodyBeforeClose(body: IncomingMessage): Promise<void> {
  const closes = /close/i.test(body.headers.connection ?? '') || body.httpVersion === '1.0';
  if (body.complete || !closes) return;
  throwAway(body);
  const enough = AbortSignal.timeout(LINGER_MS);
  await finished(body, { signal: enough, writable: false }).catch(() => undefined);
}

/** Nobody will use the rest of a body whose request has been answered. */
export function endUnreadBody(body: IncomingMessage): void {
  if (body.complete) return;
  throwAway(body);
  setTimeout(() => body.complete || body.destroy(), LINGER_MS).unref();
}

function throwAway(body: IncomingMessage): void {
  body.unpipe();
  let bytes = 0;
  body.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > LINGER_BYTES) body.pause();
  });
  body.resume();
}
