import sharp from 'sharp';
import { type Attack, inTurn, repeat, Tally } from './attack.js';
import { exchange } from './exchange.js';

export interface JsonBomb {
  readonly name: string;
  readonly path: '/predict' | '/predict/batch';
  /** A body just below the limits in default settings, of this size or less. */
  readonly make: (maxBytes: number) => Buffer | Promise<Buffer>;
}

/** What default settings allow: four thirds of 10 and of 40 MiB. */
const MOST_BYTES = { '/predict': 13_900_000, '/predict/batch': 55_800_000 } as const;
const CLIENTS = 2;

/** The same text over and over. */
function filled(text: string, bytes: number): Buffer {
  return Buffer.alloc(bytes - (bytes % text.length), text);
}

function wrapped(before: string, inner: Buffer, after: string): Buffer {
  return Buffer.concat([Buffer.from(before), inner, Buffer.from(after)]);
}

/** `open` so many times, then `close` as often. */
function nested(open: string, close: string, bytes: number): Buffer {
  const depth = Math.floor(bytes / (open.length + close.length));
  return Buffer.concat([
    Buffer.alloc(depth * open.length, open),
    Buffer.from('0'),
    Buffer.alloc(depth * close.length, close),
  ]);
}

/** A list of the same over and over; within `bytes` and the brackets. */
function listOf(item: string, bytes: number): Buffer {
  return wrapped('[', filled(`${item},`, bytes - 64), `${item}]`);
}

function keys(bytes: number): Buffer {
  const count = Math.floor(bytes / 16);
  const pairs = Array.from({ length: count }, (_, index) => `"k${index.toString(36).padStart(8, '0')}":1`);
  return Buffer.from(`{${pairs.join(',')},"image":"AAAA"}`);
}

/** An image of nearly 10 MiB, and nothing wrong with it: noise does not compress. */
async function honest(bytes: number): Promise<Buffer> {
  const side = Math.floor(Math.sqrt(((bytes - 100) * 3) / 4 / 3)) - 4;
  const noise = Buffer.allocUnsafe(side * side * 3);
  for (let at = 0, state = 1; at < noise.length; at++) {
    state = (state * 48_271) % 0x7fffffff;
    noise[at] = state >> 8;
  }
  const png = await sharp(noise, { raw: { width: side, height: side, channels: 3 } })
    .png({ compressionLevel: 0 })
    .toBuffer();
  return Buffer.from(`{"image":"${png.toString('base64')}"}`);
}

/** Bodies that are expensive to parse: all within the limits on size. */
export const JSON_BOMBS: readonly JsonBomb[] = [
  { name: 'brackets', path: '/predict', make: (bytes) => filled('[', bytes) },
  { name: 'nested lists', path: '/predict', make: (bytes) => nested('[', ']', bytes) },
  { name: 'nested objects', path: '/predict', make: (bytes) => nested('{"a":', '}', bytes) },
  {
    name: 'lists in the image',
    path: '/predict',
    make: (bytes) => wrapped('{"image":', nested('[', ']', bytes - 64), '}'),
  },
  {
    name: 'escapes',
    path: '/predict',
    make: (bytes) => wrapped('{"image":"', filled('\\u0041', bytes - 64), '"}'),
  },
  {
    name: 'backslashes without an end',
    path: '/predict',
    make: (bytes) => wrapped('{"image":"', filled('\\\\', bytes - 64), ''),
  },
  { name: 'spaces', path: '/predict', make: (bytes) => wrapped('{', filled(' ', bytes - 64), '}') },
  {
    name: 'a number of millions of digits',
    path: '/predict',
    make: (bytes) => wrapped('{"x":', filled('9', bytes - 64), '}'),
  },
  { name: 'keys', path: '/predict', make: keys },
  {
    name: 'the image again and again',
    path: '/predict',
    make: (bytes) => wrapped('{', filled('"image":"AAAA",', bytes - 64), '"image":"AAAA"}'),
  },
  { name: 'an honest image', path: '/predict', make: honest },
  { name: 'brackets for a batch', path: '/predict/batch', make: (bytes) => filled('[', bytes) },
  {
    name: 'empty objects for a batch',
    path: '/predict/batch',
    make: (bytes) => wrapped('{"images":', listOf('{}', bytes - 64), '}'),
  },
  {
    name: 'empty texts for a batch',
    path: '/predict/batch',
    make: (bytes) => wrapped('{"images":', listOf('""', bytes - 64), '}'),
  },
  {
    name: 'nested lists for a batch',
    path: '/predict/batch',
    make: (bytes) => wrapped('{"images":', nested('[', ']', bytes - 64), '}'),
  },
];

/** The body of a bomb, as large as default settings allow. */
export async function jsonBomb({ path, make }: JsonBomb): Promise<Buffer> {
  return make(MOST_BYTES[path]);
}

export const jsonBombs: Attack = {
  name: 'json-bombs',
  what: 'JSON of brackets, nested lists and objects, escapes and keys, up to the limits on size',
  async run(target, signal) {
    const tally = new Tally();
    await repeat(CLIENTS, signal, async (client, round) => {
      const bomb = inTurn(JSON_BOMBS, client, round);
      const body = await jsonBomb(bomb);
      const headers = { 'content-type': 'application/json' };
      tally.add(await exchange(target, { path: bomb.path, headers, body }, signal));
    });
    return tally;
  },
};
