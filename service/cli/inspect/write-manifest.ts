import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../../errors.js';
import type { EngineInfo } from '../../inference/runner.js';
import { nested } from '../../model/derive/findings.js';
import type { ModelFiles } from '../../model/fetch-model.js';
import { parseManifest } from '../../model/manifest.js';
import { type ModelSpec, resolveModelSpec } from '../../model/model-spec.js';
import { CannotGoOn } from '../outcome.js';
import type { KnownValue } from './known-values.js';

/** A manifest that leaves nothing open, as text. */
export function manifestText(values: readonly KnownValue[]): string {
  const fields = new Map(values.map(({ path, ...field }) => [path, field]));
  return `${JSON.stringify({ schema_version: 1, ...nested(fields) }, undefined, 2)}\n`;
}

/**
 * Puts it beside the model. Throws CannotGoOn where a model.json is there already, or cannot be written, or would not give
 * the same answers.
 * @returns its path
 */
export async function writeManifest(
  values: readonly KnownValue[],
  { files, engine, spec }: { files: ModelFiles; engine: EngineInfo; spec: ModelSpec },
): Promise<string> {
  const path = join(files.directory, 'model.json');
  const text = manifestText(values);
  const again = resolveModelSpec(parseManifest(text, path), files.digest, engine);
  if (!isDeepStrictEqual(again, spec))
    throw new CannotGoOn('what is known of the model does not fit into a model.json');
  try {
    await writeFile(path, text, { flag: 'wx' });
    return path;
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    throw new CannotGoOn(
      isThere
        ? `${path} is there already; move it away to have it written anew`
        : `${path} cannot be written: ${messageOf(error)}`,
    );
  }
}
