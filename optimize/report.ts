import { type Block, quoted } from '../loadtest/report/blocks.js';
import { columns, milliseconds } from '../loadtest/report/figures.js';
import { htmlOf } from '../loadtest/report/html.js';
import { fault, type Trial } from './choose.js';
import { imagesFor } from './loss.js';
import type { Failed } from './quantize.js';

export interface OptimizeReport {
  readonly date: string;
  readonly node: string;
  /** Version of onnxruntime-node. */
  readonly runtime: string;
  readonly processor: string;
  readonly model: string;
  readonly digest: string;
  readonly command: string;
  readonly measure: string;
  /** What answers are compared with. */
  readonly against: string;
  readonly calibrated: number;
  readonly proved: number;
  readonly maxLoss: number;
  readonly original: { readonly ms: number; readonly memoryBytes: number; readonly fileBytes: number };
  readonly trials: readonly Trial[];
  readonly failed: readonly Failed[];
  readonly kept: string | undefined;
  readonly warnings: readonly string[];
}

const HEAD = ['', 'ms/image', 'times as fast', 'memory', 'file', 'loses (points)', 'of', ''];

export function textOf(report: OptimizeReport): string {
  return [
    summary(report).join('\n'),
    columns([HEAD, ...rows(report)]),
    ...remarks(report),
    verdict(report),
  ].join('\n\n');
}

export function pageOf(report: OptimizeReport): string {
  const blocks: Block[] = [
    { kind: 'heading', text: `${report.model}, optimised: ${verdict(report)}` },
    ...summary(report).map((text) => ({ kind: 'text', text }) as const),
    { kind: 'table', head: HEAD, rows: rows(report) },
    ...(remarks(report).length > 0 ? [{ kind: 'list', items: remarks(report) } as const] : []),
    {
      kind: 'table',
      head: ['candidate', 'settings'],
      rows: report.trials.map(({ name, settings }) => [name, quoted(JSON.stringify(settings))]),
    },
    {
      kind: 'text',
      text: `${quoted(report.command)}, ${report.date}, ${report.processor}, Node ${report.node}`,
    },
  ];
  return htmlOf(blocks);
}

function summary({ model, digest, calibrated, proved, measure, against, maxLoss }: OptimizeReport): string[] {
  return [
    `${model} ${digest}`,
    `calibrated with ${calibrated} images, proved with ${proved} others: ${measure}, against ${against}`,
    `may lose ${maxLoss} points; in brackets where a figure lies with 95 % confidence`,
  ];
}

function rows({ original, trials, maxLoss, kept }: OptimizeReport): string[][] {
  const first = [
    'original',
    milliseconds(original.ms),
    '1.00',
    megabytes(original.memoryBytes),
    megabytes(original.fileBytes),
    '',
    '',
    '',
  ];
  return [first, ...trials.map((trial) => rowOf(trial, maxLoss, kept))];
}

function rowOf(trial: Trial, maxLoss: number, kept: string | undefined): string[] {
  const {
    name,
    ms,
    speedup,
    speedupInterval: { from, to },
    memoryBytes,
    fileBytes,
    loss,
  } = trial;
  return [
    name,
    milliseconds(ms),
    `${speedup.toFixed(2)} (${from.toFixed(2)} to ${to.toFixed(2)})`,
    megabytes(memoryBytes),
    megabytes(fileBytes),
    loss === undefined ? '-' : `${loss.points.toFixed(2)} (${loss.from.toFixed(2)} to ${loss.to.toFixed(2)})`,
    loss === undefined ? '-' : loss.original.toFixed(2),
    name === kept ? 'kept' : (fault(trial, maxLoss) ?? 'no better than the one that is kept'),
  ];
}

function remarks({ failed, warnings, proved, maxLoss }: OptimizeReport): string[] {
  const needed = imagesFor(maxLoss);
  const few =
    proved < needed && Number.isFinite(needed)
      ? [
          `Of answers that are right or wrong, ${proved} images can show no loss below ${((100 * 3.84) / (proved + 3.84)).toFixed(1)} points; ${maxLoss} takes ${needed}.`,
        ]
      : [];
  return [...few, ...warnings, ...failed.map(({ name, reason }) => `${name} was not made: ${reason}`)];
}

function verdict({ kept, trials, maxLoss }: OptimizeReport): string {
  const trial = trials.find(({ name }) => name === kept);
  if (trial?.loss === undefined)
    return `nothing kept: no candidate is faster and surely loses no more than ${maxLoss} points`;
  const { speedup, loss } = trial;
  return `${trial.name} kept: ${speedup.toFixed(2)} times as fast, loses ${loss.points.toFixed(2)} points (${loss.from.toFixed(2)} to ${loss.to.toFixed(2)})`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
