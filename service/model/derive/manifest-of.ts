import type { EngineInfo } from '../../inference/runner.js';
import type { ModelFiles } from '../fetch-model.js';
import { type Derivation, deriveManifest } from './derive.js';
import { findings, valuesByPath } from './findings.js';
import { readOnnxMetadata } from './onnx-metadata.js';

/** The manifest of a model that is here and loaded: its model.json, or what is derived. Throws MODEL_INCOMPATIBLE. */
export async function manifestOf(files: ModelFiles, engine: EngineInfo): Promise<Derivation> {
  const { manifest, findings: found, modelPath } = files;
  if (found === undefined)
    return { manifest, ...findings('model.json', Object.fromEntries(valuesByPath(manifest))) };
  return deriveManifest({ identity: manifest, found, metadata: await readOnnxMetadata(modelPath), engine });
}
