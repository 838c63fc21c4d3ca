import sharp from 'sharp';

/** An AVIF picture put together from tiles, all of them the one and the same item. */
export async function gridAvif(grid: {
  /** Pixels on a side of the tile. */
  readonly tile: number;
  readonly rows: number;
  readonly columns: number;
  readonly width: number;
  readonly height: number;
}): Promise<Buffer> {
  const { properties, data } = await stillOf(grid.tile);
  const payload = Buffer.alloc(12);
  payload.set([0, 1, grid.rows - 1, grid.columns - 1]);
  payload.writeUInt32BE(grid.width, 4);
  payload.writeUInt32BE(grid.height, 8);
  const own = fullBox('ispe', 0, payload.subarray(4));
  const uses = grid.rows * grid.columns;
  const references = fullBox('iref', 0, box('dimg', uint16(2, uses, ...Array<number>(uses).fill(1))));
  const shared = properties.map((each, index) => (typeOf(each) === 'av1C' ? 0x80 : 0) | (index + 1));
  const pixelInformation = properties.findIndex((each) => typeOf(each) === 'pixi') + 1;
  const associations = fullBox(
    'ipma',
    0,
    uint32(2),
    uint16(1),
    Buffer.from([shared.length, ...shared]),
    uint16(2),
    Buffer.from([2, properties.length + 1, pixelInformation]),
  );
  const meta = (offset: number): Buffer =>
    fullBox(
      'meta',
      0,
      fullBox('hdlr', 0, uint32(0), Buffer.from('pict'), Buffer.alloc(13)),
      fullBox('pitm', 0, uint16(2)),
      locations(offset, data.length, payload.length),
      fullBox('iinf', 0, uint16(2), item(1, 'av01', true), item(2, 'grid', false)),
      references,
      box('iprp', box('ipco', ...properties, own), associations),
      box('idat', payload),
    );
  const kind = box('ftyp', Buffer.from('avif\0\0\0\0avifmif1miafMA1B', 'latin1'));
  const start = kind.length + meta(0).length + 8;
  return Buffer.concat([kind, meta(start), box('mdat', data)]);
}

/** The first frame of an animation as encoders write them: it is there as a still picture too. */
export async function animatedAvif(): Promise<Buffer> {
  const still = await stillFile(64);
  const kind = box('ftyp', Buffer.from('avis\0\0\0\0avifavismsf1mif1miafMA1B', 'latin1'));
  const shift = kind.length - still.readUInt32BE(0);
  const rest = Buffer.from(still.subarray(still.readUInt32BE(0)));
  const { offset, at } = locationIn(rest);
  rest.writeUInt32BE(offset + shift, at);
  return Buffer.concat([kind, rest, box('moov', fullBox('mvhd', 0, Buffer.alloc(96)))]);
}

export const AVIF_COLOUR = { r: 200, g: 40, b: 10 } as const;

function stillFile(side: number): Promise<Buffer> {
  const background = AVIF_COLOUR;
  return sharp({ create: { width: side, height: side, channels: 3, background } })
    .avif({ quality: 80, effort: 0 })
    .toBuffer();
}

/** What describes the only picture of a file, and its coded data. */
async function stillOf(side: number): Promise<{ properties: Buffer[]; data: Buffer }> {
  const file = await stillFile(side);
  const list = file.indexOf('ipco') - 4;
  const end = list + file.readUInt32BE(list);
  const properties: Buffer[] = [];
  for (let at = list + 8; at < end; at += file.readUInt32BE(at)) {
    properties.push(file.subarray(at, at + file.readUInt32BE(at)));
  }
  return { properties, data: file.subarray(file.lastIndexOf('mdat') + 4) };
}

/** Where the place of the first item stands, and which it is: one item, behind its number and that of its file. */
function locationIn(file: Buffer): { offset: number; at: number } {
  const at = file.indexOf('iloc') + 4 + 12;
  return { offset: file.readUInt32BE(at), at };
}

function locations(offset: number, length: number, payloadLength: number): Buffer {
  return fullBox(
    'iloc',
    1,
    Buffer.from([0x44, 0]),
    uint16(2, 1, 0, 0, 1),
    uint32(offset, length),
    uint16(2, 1, 0, 1),
    uint32(0, payloadLength),
  );
}

function item(id: number, type: string, isHidden: boolean): Buffer {
  const info = fullBox('infe', 2, uint16(id, 0), Buffer.from(`${type}\0`, 'latin1'));
  if (isHidden) info.writeUInt8(1, 11);
  return info;
}

function typeOf(encoded: Buffer): string {
  return encoded.toString('latin1', 4, 8);
}

function box(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([uint32(body.length + 8), Buffer.from(type, 'latin1'), body]);
}

function fullBox(type: string, version: number, ...parts: Buffer[]): Buffer {
  return box(type, Buffer.from([version, 0, 0, 0]), ...parts);
}

function uint16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, index * 2);
  return bytes;
}

function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}
