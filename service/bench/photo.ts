import sharp from 'sharp';
import { randomSource } from './random-source.js';

const WIDTH = 640;
const HEIGHT = 480;
const QUALITY = 85;

/** A JPEG that costs about as much to decode as a photograph: soft shapes under fine grain. About 60 KB. */
export async function generatePhoto(): Promise<Buffer> {
  const pixels = Buffer.alloc(WIDTH * HEIGHT * 3);
  const grain = randomSource(1);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const noise = (grain() - 0.5) * 22;
      const at = (y * WIDTH + x) * 3;
      pixels[at] = level(130 + 90 * Math.sin(x / 61) * Math.cos(y / 47) + noise);
      pixels[at + 1] = level(120 + 80 * Math.sin((x + y) / 83) + noise);
      pixels[at + 2] = level(110 + 100 * Math.cos(Math.hypot(x - 300, y - 200) / 29) + noise);
    }
  }
  return sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .jpeg({ quality: QUALITY, chromaSubsampling: '4:2:0' })
    .toBuffer();
}

function level(value: number): number {
  return Math.min(255, Math.max(0, Math.round(value)));
}
