import { contradiction, type Findings, findings } from '../findings.js';
import { type JsonObject, objectOf, textOf, textsOf } from '../json-values.js';

const FILE = 'config.json';

/** How detectors score: softmax with a last class for nothing, or a sigmoid for each class. Source: transformers, `post_process_object_detection` of each. */
const DECODERS: Readonly<Record<string, string>> = {
  detr: 'detr',
  yolos: 'detr',
  'table-transformer': 'detr',
  conditional_detr: 'rt-detr',
  deformable_detr: 'rt-detr',
  deta: 'rt-detr',
  rt_detr: 'rt-detr',
  rt_detr_v2: 'rt-detr',
  d_fine: 'rt-detr',
};
/** Whose vectors are meant to be compared by their cosine. */
const COMPARED = /^(CLIP|ChineseCLIP|Siglip|MetaClip|AltCLIP)/;

type Fields = Readonly<Record<string, unknown>>;

/** What a model is for, from the name of its class. The first that matches. */
const ARCHITECTURES: readonly (readonly [RegExp, (config: JsonObject, architecture: string) => Fields])[] = [
  [/ForImageClassification(WithTeacher)?$/, classification],
  [/ForObjectDetection$/, detection],
  [/ForSemanticSegmentation$/, (config) => ({ task: 'segmentation', 'output.labels': labelsIn(config) })],
  [
    /For(Instance|Universal|Panoptic)Segmentation$|^Detr.*ForSegmentation$/,
    refused('masks of instances are not served'),
  ],
  [
    /ForDepthEstimation$/,
    refused('depth is not served; say task raw in a model.json for the values themselves'),
  ],
  [/Vision(Model|ModelWithProjection)$|^(?!.*For)\w+Model$/, embedding],
];

/** Of config.json of a Hugging Face export. Throws MODEL_INCOMPATIBLE where its labels are incomplete or its task is not served. */
export function taskOf(config: JsonObject): Findings {
  const [architecture] = textsOf(config['architectures']) ?? [];
  if (architecture === undefined) return findings(FILE, { 'output.labels': labelsIn(config) });
  const known = ARCHITECTURES.find(([pattern]) => pattern.test(architecture));
  if (known !== undefined) return findings(FILE, known[1](config, architecture));
  return findings(FILE, {}, [
    `config.json says architectures ${architecture}, whose task is not known: it is told from the outputs; say task in a model.json where that is wrong`,
  ]);
}

function classification(config: JsonObject): Fields {
  const isMultiLabel = config['problem_type'] === 'multi_label_classification';
  return {
    task: 'classification',
    'output.activation': isMultiLabel ? 'sigmoid' : 'softmax',
    'output.labels': labelsIn(config),
  };
}

function detection(config: JsonObject, architecture: string): Fields {
  const type = textOf(config['model_type']) ?? '';
  const decoder = Object.hasOwn(DECODERS, type) ? DECODERS[type] : undefined;
  if (decoder !== undefined)
    return { task: 'detection', 'output.decoder': decoder, 'output.labels': labelsIn(config) };
  return contradiction(
    `config.json says ${architecture} of model_type ${type}, of which it is not known how it writes boxes down; say output.decoder in a model.json`,
  );
}

function embedding(_config: JsonObject, architecture: string): Fields {
  return { task: 'embedding', 'output.normalize': COMPARED.test(architecture) ? true : undefined };
}

function refused(why: string) {
  return (_config: JsonObject, architecture: string): Fields =>
    contradiction(`config.json says ${architecture}: ${why}`);
}

/** By class id; undefined where there are none. Throws MODEL_INCOMPATIBLE where an id is left out. */
export function labelsIn(config: JsonObject): readonly string[] | undefined {
  const byId = objectOf(config['id2label']);
  if (byId === undefined) return undefined;
  const labels = Array.from({ length: Object.keys(byId).length }, (_, id) => byId[String(id)]);
  if (labels.length > 0 && labels.every((label) => typeof label === 'string')) return labels;
  return contradiction(
    'id2label in config.json is no complete list of labels from 0 on; say output.labels in a model.json',
  );
}
