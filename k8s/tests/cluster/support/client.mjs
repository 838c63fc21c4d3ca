// Posts one image again and again, at a fixed rate whatever the answers, each on a connection of its own, and never twice.
// Ends when /tmp/stop is there and all answers have come; the last line of its log is the count.
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const { TARGET, HOST, RATE } = process.env;
const image = readFileSync('service/models/digits/golden/7-blocks.png');
const counts = { sent: 0, answered: {}, failed: {} };
const pending = new Set();

const post = () =>
  new Promise((resolve) => {
    const options = {
      method: 'POST',
      agent: false,
      timeout: 20_000,
      headers: { host: HOST, 'content-type': 'image/png', 'content-length': image.length },
    };
    const sent = request(`${TARGET}/predict`, options, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(['answered', answer.statusCode]));
      answer.on('error', (error) => resolve(['failed', error.code]));
    });
    sent.on('timeout', () => sent.destroy(Object.assign(new Error('timeout'), { code: 'TIMEOUT' })));
    sent.on('error', (error) => resolve(['failed', error.code]));
    sent.end(image);
  });

const startedAt = performance.now();
while (!existsSync('/tmp/stop')) {
  counts.sent += 1;
  const one = post().then(([kind, what]) => {
    counts[kind][what] = (counts[kind][what] ?? 0) + 1;
    pending.delete(one);
  });
  pending.add(one);
  await sleep(Math.max(0, (counts.sent * 1000) / RATE - (performance.now() - startedAt)));
}
await Promise.all(pending);
process.stdout.write(`${JSON.stringify(counts)}\n`);
