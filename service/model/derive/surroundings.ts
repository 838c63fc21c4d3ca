import { ServiceError } from '../../errors.js';
import type { FetchLogger } from '../progress.js';
import type { ModelSource } from '../sources/source.js';
import { isAbsence } from '../sources/source-failure.js';
import type { Findings } from './findings.js';
import { type JsonObject, objectOf } from './json-values.js';

/** The place that a model URI names, as far as it is looked at before the model is brought. */
export interface Surroundings {
  readonly source: ModelSource;
  readonly logger: FetchLogger;
  /** Reads a small object whole. */
  read(name: string): Promise<string>;
  /** Whether there is an object of that name. */
  exists(name: string): Promise<boolean>;
}

/** A model that was found beside what describes it. */
export interface FoundModel {
  /** Of the ONNX file, relative to the source's folder. */
  readonly modelName: string;
  readonly findings: Findings;
}

/** A way in which models lie around without a model.json, each with words of its own about them. */
export interface Layout {
  /** The model, or undefined where nothing of the kind is there. @param named the ONNX file that the URI names */
  find(surroundings: Surroundings, named: string | undefined): Promise<FoundModel | undefined>;
}

/** An object's text, or undefined where it is not there or nobody may see it. */
export async function readIfThere({ read }: Surroundings, name: string): Promise<string | undefined> {
  try {
    return await read(name);
  } catch (thrown) {
    if (!isAbsence(thrown)) throw thrown;
    return undefined;
  }
}

/** As readIfThere, of a JSON object; anything else in it is none of ours. Throws MODEL_INCOMPATIBLE where it is not JSON. */
export async function readJsonIfThere(
  surroundings: Surroundings,
  name: string,
): Promise<JsonObject | undefined> {
  const text = await readIfThere(surroundings, name);
  if (text === undefined) return undefined;
  try {
    return objectOf(JSON.parse(text));
  } catch (cause) {
    const place = surroundings.source.locate(name);
    throw new ServiceError('MODEL_INCOMPATIBLE', `${place} is not JSON; correct or remove it`, { cause });
  }
}

/** The name of the folder, or of the one above it, for a model that has no better one. */
export function folderName(
  { source }: Surroundings,
  which: 'itself' | 'above' = 'itself',
): string | undefined {
  const folder = source.localDirectory ?? source.description.replace(/[^/]*\.(onnx|json)$/i, '');
  const name = folder
    .replace(/\/+$/, '')
    .split('/')
    .at(which === 'itself' ? -1 : -2);
  // A repository of the Hugging Face Hub has its revision behind it.
  return source.localDirectory === undefined ? name?.replace(/@.*$/, '') : name;
}
