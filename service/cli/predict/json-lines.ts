import type { Parameters } from '../../tasks/task.js';
import type { AnswerFormat } from './format.js';
import { parametersText } from './record.js';

const BEGIN = '{"file":';

interface Line {
  readonly file?: unknown;
  readonly model?: { readonly digest?: unknown };
  readonly parameters?: Parameters;
  readonly error?: unknown;
}

/** An object a line: the file's name, then what POST /predict would say of it, or why not. */
export const jsonLinesFormat: AnswerFormat = {
  contentType: 'application/x-ndjson',
  header: '',
  isQuoted: false,
  encode({ file, model, task, parameters, image, answer, error }) {
    const asked = parametersText(parameters) === '' ? undefined : parameters;
    return `${JSON.stringify({ file, model, task, parameters: asked, image, ...answer, error })}\n`;
  },
  decode(line) {
    const { file, model, parameters = {}, error } = parse(line) ?? {};
    const digest = model?.digest;
    if (typeof file !== 'string' || typeof digest !== 'string') return undefined;
    const isError = error !== undefined;
    return { file, digest, parameters: parametersText(parameters), isError, isLast: true };
  },
  isTorn: (text) => text.startsWith(BEGIN) || BEGIN.startsWith(text),
};

function parse(line: string): Line | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
