import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../errors.js';
import { parseManifest } from '../../model/manifest.js';
import type { Reference } from '../../statistics/reference.js';
import { CannotGoOn, UsageError } from '../outcome.js';
import { formatJson } from './format-json.js';

/** The model.json of a model on this machine. Throws UsageError for others, CannotGoOn where it has none. */
export async function manifestPath(uri: string): Promise<string> {
  const isFile = /^file:/i.test(uri);
  if (!isFile && /^[a-z][a-z0-9+.-]+:\//i.test(uri))
    throw new UsageError('--write is for models on this machine');
  const path = isFile ? fileURLToPath(uri) : uri;
  const folder = /\.(json|onnx)$/.test(path) ? dirname(path) : path;
  const manifest = path.endsWith('.json') ? path : join(folder, 'model.json');
  await stat(manifest).catch(() => {
    throw new CannotGoOn(`there is no ${manifest}: cv-inference inspect MODEL --write makes one`);
  });
  return manifest;
}

/** Puts it in place of what model.json has, at once. Throws CannotGoOn where that cannot be written. */
export async function writeReference(path: string, reference: Reference): Promise<void> {
  const manifest = JSON.parse(await readFile(path, 'utf8')) as object;
  const text = `${formatJson({ ...manifest, reference })}\n`;
  parseManifest(text, path);
  const unfinished = `${path}.new`;
  try {
    await writeFile(unfinished, text);
    await rename(unfinished, path);
  } catch (error) {
    throw new CannotGoOn(`${path} cannot be written: ${messageOf(error)}`);
  }
}
