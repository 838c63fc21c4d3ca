import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { UsageError } from '../service/cli/outcome.js';
import type { Answer } from '../service/tasks/task.js';

/** What is right, by the names of images: an answer as the model would give it, as far as it is compared. */
export type Labels = ReadonlyMap<string, Answer>;

/** CSV with file,label a line, or JSON lines with `file` and the fields of an answer. Throws UsageError. */
export async function readLabels(path: string): Promise<Labels> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      `--labels ${path}: ${error.code === 'ENOENT' ? 'there is no such file' : error.message}`,
    );
  });
  return parseLabels(text);
}

export function parseLabels(text: string): Labels {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const parse = lines[0]?.trimStart().startsWith('{') ? fromJson : fromCsv;
  const entries = lines.map((line, index) => parse(line, index + 1));
  return new Map(entries.filter(([file]) => file !== 'file'));
}

/** The label of an image: by its path below the folder, or by its bare name. */
export function labelOf(labels: Labels, name: string): Answer | undefined {
  return labels.get(name) ?? labels.get(basename(name));
}

function fromCsv(line: string, number: number): [string, Answer] {
  const [, file, label] = /^"?([^",]+)"?,"?([^",]+)"?$/.exec(line.trim()) ?? [];
  if (file === undefined || label === undefined)
    throw new UsageError(`--labels: line ${number} is not file,label`);
  return [file, { predictions: [{ label: label.trim() }] }];
}

function fromJson(line: string, number: number): [string, Answer] {
  try {
    const { file, ...answer } = JSON.parse(line) as { readonly file?: unknown } & Answer;
    if (typeof file === 'string') return [basename(file), answer];
  } catch {
    // Said below.
  }
  throw new UsageError(`--labels: line ${number} is no JSON object with a file`);
}
