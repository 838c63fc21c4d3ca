import type { EngineInfo } from '../../inference/runner.js';
import type { ModelFiles } from '../../model/fetch-model.js';
import type { TensorInfo } from '../../tensor.js';
import type { KnownValue } from './known-values.js';

const GAP = '  ';
const MAX_VALUE_LENGTH = 60;
const MOST_SHOWN = 4;

/** What is known of a model, for people. */
export function report(
  files: ModelFiles,
  engine: Pick<EngineInfo, 'inputs' | 'outputs'>,
  values: readonly KnownValue[],
  warnings: readonly string[],
): string {
  return [
    `${files.source} (${sizeText(files.bytes)}, ${files.digest})`,
    '',
    ...table(values.map(({ path, value, origin }) => [path, shortened(value), origin])),
    '',
    ...engine.inputs.map((tensor) => `input of the file    ${tensorText(tensor)}`),
    ...engine.outputs.map((tensor) => `output of the file   ${tensorText(tensor)}`),
    '',
    ...warnings.map((warning) => `! ${warning}`),
    ...(warnings.length > 0 ? ['', ''] : ['']),
  ].join('\n');
}

function sizeText(bytes: number): string {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** In columns. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join(GAP)
      .trimEnd(),
  );
}

/** Dynamic dimensions are -1. */
function tensorText({ name, type, shape }: TensorInfo): string {
  return `${name} ${type} [${shape.join(', ')}]`;
}

function shortened(value: unknown): string {
  const text = textOf(value);
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH - 3)}...` : text;
}

function textOf(value: unknown): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(6)));
  if (!Array.isArray(value)) return typeof value === 'string' ? printable(value) : JSON.stringify(value);
  const shown = value.slice(0, MOST_SHOWN).map(textOf).join(', ');
  return value.length > MOST_SHOWN ? `${shown}, ... (${value.length})` : shown;
}

/** A model's words go to a terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}
