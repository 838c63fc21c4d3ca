import type { TObject } from 'typebox';
import { csvFormat } from './csv.js';
import type { AnswerFormat } from './format.js';
import { jsonLinesFormat } from './json-lines.js';

/** CSV where the name ends so, else JSON lines. @param answer the fields that the model's task adds */
export function formatFor(path: string, answer: TObject): AnswerFormat {
  return path.toLowerCase().endsWith('.csv') ? csvFormat(answer) : jsonLinesFormat;
}
