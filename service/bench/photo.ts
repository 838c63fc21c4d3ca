import sharp from 'sharp';
import { randomSource } from './random-source.js';

const QUALITY = 85;

/** A JPEG that costs about as much to decode as a photograph: soft shapes under fine grain. About 60 KB at 640x480. */
export async function generatePhoto(width = 640, height = 480): Promise<Buffer> {
  const pixels = Buffer.alloc(width * height * 3);
  const grain = randomSource(1);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const noise = (grain() - 0.5) * 22;
      const at = (y * width + x) * 3;
      pixels[at] = level(130 + 90 * Math.sin(x / 61) * Math.cos(y / 47) + noise);
      pixels[at + 1] = level(120 + 80 * Math.sin((x + y) / 83) + noise);
      pixels[at + 2] = level(110 + 100 * Math.cos(Math.hypot(x - 300, y - 200) / 29) + noise);
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: QUALITY, chromaSubsampling: '4:2:0' })
    .toBuffer();
}

function level(value: number): number {
  return Math.min(255, Math.max(0, Math.round(value)));
}
