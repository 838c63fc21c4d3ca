import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { median, quantile } from '../statistics.js';
import { loadPair, type Pipeline } from './pipeline.js';
import { mobileNet } from './subjects.js';
import { row, tableHead } from './table.js';

const ROUNDS = 41;
const PHOTOGRAPHS = ['photo-vga.jpg', 'photo-1920.jpg', 'photo-6mp.jpg'];

/** Images a second that a core answers, from the file to the model's outputs: CPU time, the two in turn. */
export async function compareSpeed(data: string): Promise<void> {
  const pair = await loadPair(mobileNet(data).path, mobileNet(data).manifest);
  tableHead('MobileNetV2', 'exact, images/s of a core', 'fast', 'fast : exact (middle half)');
  for (const name of PHOTOGRAPHS) {
    for (const progressive of [false, true]) {
      const file = await encoded(join(data, 'images', name), progressive);
      const ratios: number[] = [];
      const times = { exact: [] as number[], fast: [] as number[] };
      for (let round = 0; round < ROUNDS; round++) {
        const [exact, fast] = [await cpuMs(pair.exact, file), await cpuMs(pair.fast, file)];
        times.exact.push(exact);
        times.fast.push(fast);
        ratios.push(exact / fast);
      }
      const middle = `${quantile(ratios, 0.25).toFixed(2)}-${quantile(ratios, 0.75).toFixed(2)}`;
      row(
        `${name}${progressive ? ', progressive' : ''}`,
        (1000 / median(times.exact)).toFixed(0),
        (1000 / median(times.fast)).toFixed(0),
        `${median(ratios).toFixed(2)} (${middle})`,
      );
    }
  }
}

async function encoded(path: string, progressive: boolean): Promise<Uint8Array> {
  const file = await readFile(path);
  return progressive ? sharp(file).jpeg({ quality: 85, progressive }).toBuffer() : file;
}

async function cpuMs(pipeline: Pipeline, file: Uint8Array): Promise<number> {
  const before = process.cpuUsage();
  await pipeline.answer(file);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
