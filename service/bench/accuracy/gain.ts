import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { median, quantile } from '../statistics.js';
import { loadPair, type Pair, type Pipeline } from './pipeline.js';
import { mobileNet, STRETCH } from './subjects.js';
import { row, tableHead } from './table.js';

const ROUNDS = 31;
const PHOTOGRAPHS = ['photo-vga.jpg', 'photo-1920.jpg', 'photo-6mp.jpg'];

/** Images a second that a core answers, from the file to the model's outputs: CPU time, the two in turn. */
export async function compareSpeed(data: string): Promise<void> {
  const cover = await loadPair(mobileNet(data).path, mobileNet(data).manifest);
  const stretch = await loadPair(mobileNet(data).path, mobileNet(data, STRETCH).manifest);
  tableHead('MobileNetV2', 'exact, images/s of a core', 'fast', 'fast : exact (middle half)');
  const images = join(data, 'images');
  await compare('photo-vga.jpg, stretched', stretch, await readFile(join(images, 'photo-vga.jpg')));
  for (const name of PHOTOGRAPHS) {
    const file = await readFile(join(images, name));
    await compare(name, cover, file);
    const progressive = await sharp(file).jpeg({ quality: 85, progressive: true }).toBuffer();
    await compare(`${name}, progressive`, cover, progressive);
  }
}

async function compare(title: string, pair: Pair, file: Uint8Array): Promise<void> {
  const rounds: { readonly exact: number; readonly fast: number }[] = [];
  for (let round = 0; round < ROUNDS; round++)
    rounds.push({ exact: await cpuMs(pair.exact, file), fast: await cpuMs(pair.fast, file) });
  const ratios = rounds.map(({ exact, fast }) => exact / fast);
  const perSecond = (which: keyof Pair): string =>
    (1000 / median(rounds.map((each) => each[which]))).toFixed(0);
  const middle = `${quantile(ratios, 0.25).toFixed(2)}-${quantile(ratios, 0.75).toFixed(2)}`;
  row(title, perSecond('exact'), perSecond('fast'), `${median(ratios).toFixed(2)} (${middle})`);
}

async function cpuMs(pipeline: Pipeline, file: Uint8Array): Promise<number> {
  const before = process.cpuUsage();
  await pipeline.answer(file);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
