import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ServiceError } from '../../errors.js';

/** The ONNX files of a folder below a local directory, relative to that, in order; none where it is not there. */
export async function filesIn(directory: string, folder: string): Promise<string[]> {
  const names = await namesIn(join(directory, folder));
  return names
    .filter((name) => /\.onnx$/i.test(name))
    .map((name) => (folder === '' ? name : `${folder}/${name}`));
}

/** What a local folder holds, in order; nothing where it is not there. */
export async function namesIn(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).sort();
  } catch {
    return [];
  }
}

/** Undefined where there is none. Throws CONFIG_INVALID where there are several, naming them. */
export function onlyOne(names: readonly string[], directory: string): string | undefined {
  if (names.length <= 1) return names[0];
  throw new ServiceError(
    'CONFIG_INVALID',
    `${directory} holds no model.json but ${names.length} models (${names.slice(0, 5).join(', ')}); name one of them`,
  );
}
