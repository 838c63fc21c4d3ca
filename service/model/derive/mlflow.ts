import { contradiction, findings } from './findings.js';
import { type JsonObject, objectOf, textOf } from './json-values.js';
import { type FoundModel, folderName, type Layout, readIfThere } from './surroundings.js';

const FILE = 'MLmodel';
const DEFAULT_FILE = 'model.onnx';
/** It names files and versions; whoever needs more is no MLmodel. */
const MAX_BYTES = 1024 * 1024;

/** A folder that MLflow has logged an ONNX model to. Source: mlflow/mlflow `mlflow/onnx/__init__.py`. */
export const mlflow: Layout = {
  async find(surroundings, named) {
    const text = await readIfThere(surroundings, FILE);
    if (text === undefined) return undefined;
    return describeMlflow(await parsed(text), named, folderName(surroundings));
  },
};

/** @param folder name of the folder */
export function describeMlflow(
  model: JsonObject,
  named: string | undefined,
  folder: string | undefined,
): FoundModel {
  const flavors = objectOf(model['flavors']) ?? {};
  const onnx = objectOf(flavors['onnx']);
  if (onnx === undefined)
    contradiction(
      `${FILE} has no flavor onnx, only ${Object.keys(flavors).join(', ') || 'none'}: log the model with mlflow.onnx`,
    );
  const file = textOf(onnx['data']) ?? DEFAULT_FILE;
  return {
    modelName: named ?? file,
    findings: findings(FILE, {
      name: textOf(model['name']) ?? textOf(model['artifact_path']) ?? folder,
      version: textOf(model['model_id']) ?? textOf(model['run_id']),
    }),
  };
}

async function parsed(text: string): Promise<JsonObject> {
  if (text.length > MAX_BYTES)
    contradiction(`${FILE} has ${text.length} characters, at most ${MAX_BYTES} are read`);
  // Few models come from MLflow, and loading this takes a while.
  const { parse } = await import('yaml');
  try {
    return objectOf(parse(text)) ?? {};
  } catch {
    return contradiction(`${FILE} is not YAML; correct or remove it`);
  }
}
