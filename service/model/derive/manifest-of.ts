import type { EngineInfo } from '../../inference/runner.js';
import type { ModelFiles } from '../fetch-model.js';
import { type Derivation, deriveManifest } from './derive.js';
import { findings } from './findings.js';
import { readOnnxMetadata } from './onnx-metadata.js';

/** The manifest of a model that is here and loaded: its model.json, or what is derived. Throws MODEL_INCOMPATIBLE. */
export async function manifestOf(files: ModelFiles, engine: EngineInfo): Promise<Derivation> {
  const { manifest, findings: found, modelPath } = files;
  if (found === undefined) return { manifest, ...findings('model.json', flattened(manifest)) };
  return deriveManifest({ identity: manifest, found, metadata: await readOnnxMetadata(modelPath), engine });
}

/** By paths: the parts of `input` and `output` one by one, everything else as it is. */
function flattened(manifest: object): Record<string, unknown> {
  return Object.fromEntries(entriesOf(manifest, ''));
}

function entriesOf(value: object, prefix: string): [string, unknown][] {
  return Object.entries(value).flatMap(([key, each]): [string, unknown][] => {
    const isPart =
      /^(input|output|input\.resize)$/.test(prefix + key) && typeof each === 'object' && each !== null;
    return isPart ? entriesOf(each, `${prefix}${key}.`) : [[prefix + key, each]];
  });
}
