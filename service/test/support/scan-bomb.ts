/**
 * A valid progressive JPEG, all of one grey, whose many scans say nothing: each costs its sender some 12 bytes (and 2
 * more for each 32,767 blocks of 8 x 8 pixels) and its decoder a walk over the whole image.
 */
export function scanBomb(size: {
  readonly width: number;
  readonly height: number;
  readonly scans: number;
}): Buffer {
  const { width, height, scans } = size;
  const blocks = Math.ceil(width / 8) * Math.ceil(height / 8);
  const nothing = endOfBlockRuns(blocks);
  const round = ROUND.map((bits) => scan(Buffer.from([1, 1, 0x00, 1, 63, bits]), nothing));
  const further = Array.from({ length: Math.max(0, scans - 1) }, (_, index) => round[index % round.length]);
  return Buffer.concat([
    SOI,
    segment(0xdb, Buffer.from([0, ...Array<number>(64).fill(1)])),
    segment(0xc2, frame(width, height)),
    segment(0xc4, DC_TABLE),
    segment(0xc4, AC_TABLE),
    scan(DC_SCAN, zeros(blocks)),
    ...further.flatMap((each) => each ?? []),
    EOI,
  ]);
}

const SOI = Buffer.from([0xff, 0xd8]);
const EOI = Buffer.from([0xff, 0xd9]);
/** One symbol of one bit: no difference to the block before. */
const DC_TABLE = Buffer.from([0x00, 1, ...Array<number>(15).fill(0), 0]);
/** Fifteen symbols of four bits: n * 16 says that as many blocks as n more bits count have nothing in this scan. */
const RUN_SYMBOLS = Array.from({ length: 15 }, (_, bits) => bits * 16);
const AC_TABLE = Buffer.from([0x10, 0, 0, 0, 15, ...Array<number>(12).fill(0), ...RUN_SYMBOLS]);
/** One component, its tables, then the coefficients from and to, and which bits of them: here all. */
const DC_SCAN = Buffer.from([1, 1, 0x00, 0, 0, 0x00]);
/**
 * The other coefficients, bit by bit from the 14th on, as the standard has it; after the last bit it may begin anew.
 * To refine is what costs most: the decoder looks at each of them.
 */
const ROUND = [0x0d, ...Array.from({ length: 13 }, (_, index) => (13 - index) * 16 + 12 - index)];
const MOST_RUN_BITS = 14;

function segment(marker: number, body: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([head, body]);
}

function frame(width: number, height: number): Buffer {
  const body = Buffer.from([8, 0, 0, 0, 0, 1, 1, 0x11, 0]);
  body.writeUInt16BE(height, 1);
  body.writeUInt16BE(width, 3);
  return body;
}

function scan(head: Buffer, data: Buffer): Buffer {
  return Buffer.concat([segment(0xda, head), data]);
}

function zeros(count: number): Buffer {
  return packed('0'.repeat(count));
}

/** "Nothing in the next n blocks", as often as it takes. */
function endOfBlockRuns(blocks: number): Buffer {
  let bits = '';
  for (let left = blocks; left > 0; ) {
    const count = Math.min(MOST_RUN_BITS, Math.trunc(Math.log2(left)));
    const run = Math.min(left, 2 ** (count + 1) - 1);
    const rest = count === 0 ? '' : (run - 2 ** count).toString(2).padStart(count, '0');
    bits += count.toString(2).padStart(4, '0') + rest;
    left -= run;
  }
  return packed(bits);
}

/** Bits to bytes, filled up with ones; a byte of ones is followed by a zero byte, so that it is no marker. */
function packed(bits: string): Buffer {
  const bytes: number[] = [];
  for (let at = 0; at < bits.length; at += 8) {
    const byte = Number.parseInt(bits.slice(at, at + 8).padEnd(8, '1'), 2);
    bytes.push(byte);
    if (byte === 0xff) bytes.push(0);
  }
  return Buffer.from(bytes);
}
