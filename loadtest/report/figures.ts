/** k6 reads this file as it is: nothing of Node in here or in what it imports. */
import type { Gate } from '../gates.ts';

export function milliseconds(value: number): string {
  if (!Number.isFinite(value)) return '-';
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ms`;
}

export function percent(share: number, digits = 1): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(digits)} %` : '-';
}

export function count(value: number): string {
  return Number.isFinite(value) ? value.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ',') : '-';
}

export function perSecond(value: number): string {
  return Number.isFinite(value) ? `${value.toFixed(value < 100 ? 1 : 0)}/s` : '-';
}

export function gateFigure(value: number, unit: Gate['unit']): string {
  switch (unit) {
    case 'ms':
      return milliseconds(value);
    case 'share':
      return percent(value, 2);
    case 'count':
      return count(value);
  }
}

export function gateLimit({ rule, limit, unit }: Gate): string {
  const sign = { '<=': 'at most', '<': 'below', '>=': 'at least' }[rule];
  const figure = { ms: `${limit} ms`, share: `${100 * limit} %`, count: count(limit) }[unit];
  return `${sign} ${figure}`;
}

/** Lines of padded columns: the first to the left, the others to the right. */
export function columns(rows: readonly (readonly string[])[], indent = '  '): string {
  const widths: number[] = [];
  for (const cells of rows) {
    cells.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  const pad = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return rows.map((cells) => (indent + cells.map(pad).join('   ')).trimEnd()).join('\n');
}

export function gateTable(gates: readonly Gate[]): string {
  const rows = gates.map((gate) => [
    `${gate.passed ? 'ok  ' : 'FAIL'}  ${gate.name}`,
    gateFigure(gate.measured, gate.unit),
    gateLimit(gate),
  ]);
  return columns([['      gate', 'measured', 'allowed'], ...rows]);
}
