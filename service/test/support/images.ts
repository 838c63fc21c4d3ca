import sharp from 'sharp';

export interface Colour {
  readonly r: number;
  readonly g: number;
  readonly b: number;
}

/** A plain image as PNG. */
export function plainPng(colour: Colour, width = 8, height = 8): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: colour } })
    .png()
    .toBuffer();
}

/** Noise, which no filter of PNG makes smaller. */
export function noisyPng(width: number, height: number): Promise<Buffer> {
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
  return sharp({ create: { width, height, channels: 3, background: '#808080', noise } })
    .png()
    .toBuffer();
}

/** A plain image as JPEG, all but without loss. At a quality of 85 it is one that libjpeg-turbo takes. */
export async function plainJpeg(colour: Colour, width = 8, height = 8, quality = 100): Promise<Buffer> {
  const file = await sharp({ create: { width, height, channels: 3, background: colour } })
    .jpeg({ quality })
    .toBuffer();
  // sharp's own buffers cannot be given to another thread.
  return Buffer.from(new Uint8Array(file).buffer);
}

/** A multipart form with one file for each entry. */
export function multipart(
  parts: readonly { readonly field: string; readonly bytes: Buffer; readonly filename?: string }[],
): { payload: Buffer; headers: Record<string, string> } {
  const boundary = 'test-boundary-7MA4YWxkTrZu0gW';
  const chunks = parts.flatMap(({ field, bytes, filename = 'image' }) => [
    Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="${field}"; filename="${filename}"\r\n` +
        'content-type: application/octet-stream\r\n\r\n',
    ),
    bytes,
    Buffer.from('\r\n'),
  ]);
  return {
    payload: Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  };
}
