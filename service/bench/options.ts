import { parseArgs } from 'node:util';
import type { BenchOptions } from './scenario.js';

export interface CommandLine extends BenchOptions {
  /** Names of the scenarios to run; all where it is empty. */
  readonly only: readonly string[];
  /** Where the results go as JSON too. */
  readonly json: string | undefined;
  readonly image: string | undefined;
  readonly help: boolean;
}

const FLAGS = {
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '4' },
  clients: { type: 'string', default: '8,16,32' },
  requests: { type: 'string', default: '5000' },
  starts: { type: 'string', default: '5' },
  'deadline-ms': { type: 'string', default: '1000' },
  'pause-ms': { type: 'string', default: '100' },
  only: { type: 'string', default: '' },
  json: { type: 'string' },
  image: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

export const USAGE = `npm run bench -- [options]
  --only a,b        only these scenarios (throughput, lone-client, health, overload, pictures, startup, memory, peers)
  --rounds 5        rounds; in each everything is measured once, in turn
  --seconds 4       length of one measurement
  --clients 8,16,32 numbers of clients that are tried; the largest has to saturate the service
  --requests 5000   requests while the memory is watched (50000 for a long look)
  --starts 5        starts of the process
  --deadline-ms 1000  deadline of a request while overloaded
  --pause-ms 100    how long a refused client waits while overloaded
  --image file      another JPEG
  --json file       the results as JSON too
Environment: CV_TEST_DATA  folder with models/mobilenet_v2-random, images/photo-vga.jpg and images/photo-6mp.jpg
             PEER_PYTHON   python with loadtest/peers/fastapi/requirements.txt: measures that server too
             PEER_VENVS    folder of virtual environments, each with the requirements.txt of the folder of
                           loadtest/peers that it is named after: what --only peers measures
             PEER_URL      or one that is running already`;

/** Throws a sentence when an option is not what it should be. */
export function readCommandLine(args: readonly string[]): CommandLine {
  const { values } = parseArgs({ args: [...args], options: FLAGS });
  return {
    rounds: positive('rounds', values.rounds),
    seconds: positive('seconds', values.seconds),
    clients: words(values.clients).map((word) => positive('clients', word)),
    requests: positive('requests', values.requests),
    starts: positive('starts', values.starts),
    deadlineMs: positive('deadline-ms', values['deadline-ms']),
    pauseAfterRefusalMs: Number(values['pause-ms']),
    only: words(values.only),
    json: values.json,
    image: values.image,
    help: values.help,
  };
}

function words(list: string): string[] {
  return list.split(',').filter((word) => word !== '');
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} ${text} is not a number above 0`);
  return value;
}
