import { cpus, loadavg, totalmem } from 'node:os';
import type { Measurement } from './scenario.js';
import { median } from './statistics.js';

export interface Report {
  readonly date: string;
  readonly command: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryBytes: number;
    /** Above zero something else was at work when the run began. */
    readonly loadAverage: number;
  };
  readonly node: string;
  readonly subject: { readonly model: string; readonly image: string; readonly imageBytes: number };
  readonly peer: string;
  readonly results: Record<string, readonly Measurement[]>;
}

export function describeMachine(cores: number): Report['machine'] {
  const [loadAverage] = loadavg();
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores,
    memoryBytes: totalmem(),
    loadAverage: loadAverage ?? Number.NaN,
  };
}

export function headline({ date, command, machine, node, subject, peer }: Report): string {
  const load = `load ${machine.loadAverage.toFixed(2)} before the run`;
  return [
    `${date}, ${machine.cpu}, ${machine.cores} cores, ${load}, Node ${node}`,
    `${subject.model}; ${subject.image}, ${subject.imageBytes} bytes; peer: ${peer}`,
    command,
  ].join('\n');
}

const HEADER = ['', 'median', 'lowest', 'highest', '', ''];

export function table(measurements: readonly Measurement[]): string {
  const rows = [HEADER, ...measurements.map(row)];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, column) => pad(cell, widths[column] ?? 0, column)).join('  ');
  return rows.map((cells) => `  ${line(cells)}`.trimEnd()).join('\n');
}

function row({ name, unit, values, note }: Measurement): string[] {
  const figures = [median(values), Math.min(...values), Math.max(...values)].map((value) =>
    show(value, unit),
  );
  return [name, ...figures, unit === 'bytes' ? '' : unit, note ?? ''];
}

function pad(cell: string, width: number, column: number): string {
  return column >= 1 && column <= 3 ? cell.padStart(width) : cell.padEnd(width);
}

function show(value: number, unit: Measurement['unit']): string {
  if (!Number.isFinite(value)) return '-';
  switch (unit) {
    case 'bytes':
      return showBytes(value);
    case 'ratio':
    case 'share':
      return value.toFixed(3);
    case 'count':
      return value.toFixed(0);
    default:
      return value.toFixed(value < 100 ? 2 : 1);
  }
}

function showBytes(value: number): string {
  const size = Math.abs(value);
  if (size < 10 * 2 ** 10) return `${value.toFixed(0)} B`;
  return size < 10 * 2 ** 20 ? `${(value / 2 ** 10).toFixed(1)} KiB` : `${(value / 2 ** 20).toFixed(1)} MiB`;
}
