import type { TObject } from 'typebox';
import type { AnswerFormat } from './format.js';
import { type AnswerRecord, parametersText } from './record.js';

/** What every row begins with. A file has `rows` of them, numbered from 1; one that is numbered 0 where it has none. */
const COMMON = [
  'file',
  'row',
  'rows',
  'model',
  'version',
  'digest',
  'parameters',
  'error',
  'detail',
  'width',
  'height',
  'format',
] as const;

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** Where a column's value is, from the answer or from one of its entries. */
type Path = readonly string[];

interface Columns {
  /** The field that is a list of objects, each of which has a row; none in answers that are one value. */
  readonly list: string | undefined;
  readonly ofAnswer: readonly Path[];
  readonly ofEntry: readonly Path[];
}

/**
 * A row for each object of an answer (prediction, class, output), with its fields as columns; lists inside are JSON. What
 * belongs to the whole answer is in its first row alone. RFC 4180, but for line breaks of one character.
 */
export function csvFormat(answer: TObject): AnswerFormat {
  const columns = columnsOf(answer as Schema);
  const names = [...columns.ofAnswer, ...columns.ofEntry].map((path) => path.join('.'));
  const header = `${[...COMMON, ...names].join(',')}\n`;
  return {
    contentType: 'text/csv; charset=utf-8',
    header,
    isQuoted: true,
    encode: (record) => rowsOf(record, columns).map(encodeRow).join(''),
    decode(line) {
      const cells = decodeRow(line);
      if (cells.length !== COMMON.length + names.length) return undefined;
      const [file = '', row, rows, , , digest = '', parameters = '', error] = cells;
      const isError = error !== '';
      return { file: file.replace(/^\.\//, ''), digest, parameters, isError, isLast: row === rows };
    },
    // Every name is as good as another, so the header tells.
    isTorn: () => true,
  };
}

function columnsOf({ properties = {} }: Schema): Columns {
  const fields = Object.entries(properties);
  const [list, schema] =
    fields.find(([, { type, items }]) => type === 'array' && items?.properties !== undefined) ?? [];
  const others = fields.filter(([name]) => name !== list);
  return {
    list,
    ofAnswer: leavesOf(Object.fromEntries(others)),
    ofEntry: leavesOf(schema?.items?.properties ?? {}),
  };
}

function leavesOf(properties: Readonly<Record<string, Schema>>): Path[] {
  return Object.entries(properties).flatMap(([name, schema]) =>
    schema.properties === undefined ? [[name]] : leavesOf(schema.properties).map((rest) => [name, ...rest]),
  );
}

function rowsOf(record: AnswerRecord, { list, ofAnswer, ofEntry }: Columns): unknown[][] {
  const { file, model, parameters, image, answer, error } = record;
  const entries = (list === undefined ? [] : (answer?.[list] as readonly unknown[] | undefined)) ?? [];
  const common = (row: number): unknown[] => [
    fileCell(file),
    row,
    entries.length,
    ...[model.name, model.version, model.digest, parametersText(parameters)],
    ...[error?.code, error?.detail, image?.width, image?.height, image?.format],
  ];
  const first = ofAnswer.map((path) => valueAt(answer, path));
  const later = ofAnswer.map(() => undefined);
  if (entries.length === 0) return [[...common(0), ...first, ...ofEntry.map(() => undefined)]];
  return entries.map((entry, index) => [
    ...common(index + 1),
    ...(index === 0 ? first : later),
    ...ofEntry.map((path) => valueAt(entry, path)),
  ]);
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, name) => Object(inner)[name], value);
}

/** Spreadsheets take text that begins so for a formula, which could send what is in the sheet elsewhere. */
const FORMULA = /^[=+\-@\t\r]/;

/** The same file by a name that no spreadsheet takes for a formula. */
function fileCell(name: string): string {
  return FORMULA.test(name) ? `./${name}` : name;
}

function encodeRow(cells: readonly unknown[]): string {
  return `${cells.map(encodeCell).join(',')}\n`;
}

function encodeCell(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

function decodeRow(line: string): string[] {
  const cells = line.matchAll(/(?:^|,)(?:"([^"]*(?:""[^"]*)*)"|([^,]*))/g);
  return [...cells].map(([, quoted, plain = '']) => quoted?.replaceAll('""', '"') ?? plain);
}
