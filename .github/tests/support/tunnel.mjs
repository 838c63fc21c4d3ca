#!/usr/bin/env node
// Stands in for cloudflared: its options, what it writes, and what it lets through, at a port of this machine that it leaves
// in STATE. With REFUSE it says that, and ends. Its grace period is 30 s, as the real one's; with STUBBORN it has no end.
import { writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'no-autoupdate': { type: 'boolean' },
    'grace-period': { type: 'string', default: '30s' },
    url: { type: 'string' },
    'http-host-header': { type: 'string' },
  },
});
const { STATE = '', REFUSE, STUBBORN } = process.env;
const { url = '', 'http-host-header': host, 'grace-period': gracePeriod } = values;
const say = (text) => process.stderr.write(`2026-01-15T10:30:00Z INF ${text}\n`);

if (positionals.join() !== 'tunnel') process.exit(1);
say('Requesting new quick Tunnel on trycloudflare.com...');
if (REFUSE !== undefined) {
  process.stderr.write(`${REFUSE}\n`);
  process.exit(1);
}
process.on('SIGTERM', () => {
  if (STUBBORN === undefined) setTimeout(() => process.exit(), Number.parseInt(gracePeriod, 10) * 1000);
});
const server = createServer((incoming, outgoing) => {
  const headers = { ...incoming.headers, host: host ?? incoming.headers.host };
  const passed = request(url + incoming.url, { method: incoming.method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.pipe(outgoing);
  });
  passed.on('error', () => outgoing.destroy());
  outgoing.on('close', () => passed.destroy());
  incoming.pipe(passed);
});
server.listen(0, '127.0.0.1', () => {
  writeFileSync(STATE, String(server.address().port));
  say('|  https://quiet-river-runs.trycloudflare.com  |');
  say('Registered tunnel connection connIndex=0 location=fra01 protocol=quic');
});
