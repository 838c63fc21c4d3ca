import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { loadPair, type Pipeline } from './pipeline.js';
import { ultraFace } from './subjects.js';
import { mean, row, tableHead } from './table.js';

interface Face {
  readonly score: number;
  readonly box: {
    readonly x_min: number;
    readonly y_min: number;
    readonly x_max: number;
    readonly y_max: number;
  };
}

/** A face and its counterpart. */
interface Match {
  readonly overlap: number;
  readonly score: number;
}

const PHOTOGRAPHS = ['faces-1.jpg', 'faces-17.jpg', 'faces-25.jpg'];
/** As wide as they are, and as cameras of more pixels would have taken them. */
const WIDTHS = [undefined, 1440, 2880];
const SAME_FACE = 0.5;

/** Which faces of a crowd are found again, and how far off. Progressive ones are decoded by sharp. */
export async function compareFaces(data: string): Promise<void> {
  const pair = await loadPair(ultraFace(data).path, ultraFace(data).manifest);
  tableHead(
    'faces, UltraFace',
    'by exact',
    'again by fast',
    'only by fast',
    'score off: mean, most',
    'overlap: mean, least',
  );
  for (const width of WIDTHS) {
    for (const progressive of [false, true]) {
      const files = await Promise.all(
        PHOTOGRAPHS.map((name) => enlarged(join(data, 'images', name), width, progressive)),
      );
      const matches: Match[] = [];
      let [byExact, onlyByFast] = [0, 0];
      for (const file of files) {
        const [exact, fast] = [await facesOf(pair.exact, file), await facesOf(pair.fast, file)];
        byExact += exact.length;
        onlyByFast += fast.filter((face) => matchOf(face, exact) === undefined).length;
        matches.push(...exact.flatMap((face) => matchOf(face, fast) ?? []));
      }
      const scores = matches.map(({ score }) => score);
      const overlaps = matches.map(({ overlap }) => overlap);
      row(
        `${width === undefined ? 'as they are' : `${width} wide`}${progressive ? ', progressive' : ''}`,
        byExact,
        matches.length,
        onlyByFast,
        `${mean(scores).toFixed(3)}, ${Math.max(...scores).toFixed(3)}`,
        `${mean(overlaps).toFixed(2)}, ${Math.min(...overlaps).toFixed(2)}`,
      );
    }
  }
}

async function enlarged(path: string, width: number | undefined, progressive: boolean): Promise<Uint8Array> {
  if (width === undefined && !progressive) return readFile(path);
  const image = sharp(await readFile(path));
  const larger = width === undefined ? image : image.resize({ width, kernel: 'lanczos3' });
  return larger.jpeg({ quality: 90, progressive }).toBuffer();
}

async function facesOf(pipeline: Pipeline, file: Uint8Array): Promise<readonly Face[]> {
  return (await pipeline.answer(file))['predictions'] as readonly Face[];
}

function matchOf(face: Face, others: readonly Face[]): Match | undefined {
  const matches = others.map((other) => ({
    overlap: overlap(face.box, other.box),
    score: Math.abs(face.score - other.score),
  }));
  const [best] = matches.toSorted((one, other) => other.overlap - one.overlap);
  return best !== undefined && best.overlap >= SAME_FACE ? best : undefined;
}

/** Intersection over union. */
function overlap(one: Face['box'], other: Face['box']): number {
  const width = Math.min(one.x_max, other.x_max) - Math.max(one.x_min, other.x_min);
  const height = Math.min(one.y_max, other.y_max) - Math.max(one.y_min, other.y_min);
  if (width <= 0 || height <= 0) return 0;
  const area = (box: Face['box']): number => (box.x_max - box.x_min) * (box.y_max - box.y_min);
  return (width * height) / (area(one) + area(other) - width * height);
}
