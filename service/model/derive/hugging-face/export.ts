import { SourceFailure } from '../../sources/source-failure.js';
import { findings, together } from '../findings.js';
import { filesIn, onlyOne } from '../folder.js';
import { type JsonObject, objectOf, textOf } from '../json-values.js';
import { folderName, type Layout, readJsonIfThere, type Surroundings } from '../surroundings.js';
import { Processor } from './processor.js';
import { inputOf } from './processor-input.js';
import { taskOf } from './tasks.js';
import { timm } from './timm.js';

const CONFIG = 'config.json';
const PROCESSOR_FILES = ['preprocessor_config.json', 'processor_config.json'];
/** What exporters call the file, best first; those with two towers have one for images. */
const MODEL_NAMES = ['onnx/model.onnx', 'model.onnx'];
const TOWER_NAMES = ['onnx/vision_model.onnx', 'vision_model.onnx'];

/**
 * What `optimum-cli export onnx` and the repositories of transformers.js hold: config.json, preprocessor_config.json, and
 * the model beside them or in onnx/. Naming another .onnx file chooses that.
 */
export const huggingFace: Layout = {
  async find(surroundings, named) {
    const folder = await folderOfConfig(surroundings, named);
    const config =
      folder === undefined ? undefined : await readJsonIfThere(surroundings, `${folder}${CONFIG}`);
    if (folder === undefined || config === undefined || !isModel(config)) return undefined;
    const modelName = named ?? (await fileOf(surroundings, config));
    if (modelName === undefined) throw withoutFile(surroundings);
    const processor = await processorIn(surroundings, folder);
    return {
      modelName,
      findings: together([
        findings(CONFIG, { name: nameIn(config) }),
        findings('name of the folder', {
          name: folderName(surroundings, folder === '../' ? 'above' : 'itself'),
        }),
        describe(config, processor),
      ]),
    };
  },
};

/** What the files of an export say. Throws MODEL_INCOMPATIBLE where they say what cannot be done here. */
export function describe(config: JsonObject, processor: ProcessorFile | undefined) {
  const ofTimm = timm(config);
  if (ofTimm !== undefined) return ofTimm;
  const reading = new Processor(
    processor?.content,
    textOf(config['model_type']),
    processor?.name ?? 'preprocessor_config.json',
  );
  return together([taskOf(config), inputOf(reading), findings('', {}, warningsOf(reading, processor))]);
}

export interface ProcessorFile {
  readonly name: string;
  readonly content: JsonObject;
}

function warningsOf({ name, isKnown }: Processor, file: ProcessorFile | undefined): string[] {
  if (file === undefined)
    return [
      `there is no preprocessor_config.json: ${name === undefined ? 'nothing says how images are prepared' : `the defaults of ${name}ImageProcessor are taken`}; say input in a model.json where that is wrong`,
    ];
  if (isKnown) return [];
  return [
    `${file.name} is of ${name === undefined ? 'no class' : `${name}ImageProcessor, which is not known`}: images are resized, cropped and normalised as its fields say; say input in a model.json where that is wrong`,
  ];
}

/** Relative to where the URI leads: beside the model, or above onnx/. */
async function folderOfConfig(
  surroundings: Surroundings,
  named: string | undefined,
): Promise<string | undefined> {
  const inOnnx = named !== undefined && /^onnx\//.test(named);
  const candidates =
    named === undefined || inOnnx ? [''] : folderName(surroundings) === 'onnx' ? ['', '../'] : [''];
  for (const folder of candidates) {
    const config = await readJsonIfThere(surroundings, `${folder}${CONFIG}`);
    if (config !== undefined && isModel(config)) return folder;
  }
  return undefined;
}

function isModel(config: JsonObject): boolean {
  return ['model_type', 'architectures', 'pretrained_cfg'].some((key) => config[key] !== undefined);
}

async function processorIn(surroundings: Surroundings, folder: string): Promise<ProcessorFile | undefined> {
  for (const name of PROCESSOR_FILES) {
    const content = await readJsonIfThere(surroundings, `${folder}${name}`);
    if (content !== undefined) return { name, content: objectOf(content['image_processor']) ?? content };
  }
  return undefined;
}

async function fileOf(surroundings: Surroundings, config: JsonObject): Promise<string | undefined> {
  const names = config['vision_config'] === undefined ? MODEL_NAMES : [...TOWER_NAMES, ...MODEL_NAMES];
  for (const name of names) if (await surroundings.exists(name)) return name;
  const { localDirectory } = surroundings.source;
  if (localDirectory === undefined) return undefined;
  const found = [...(await filesIn(localDirectory, 'onnx')), ...(await filesIn(localDirectory, ''))];
  return onlyOne(found, localDirectory);
}

function withoutFile({ source }: Surroundings): SourceFailure {
  return new SourceFailure(
    'missing',
    `${source.description} has a ${CONFIG}, but neither ${MODEL_NAMES.join(' nor ')}: export the model (optimum-cli export onnx), or name its .onnx file`,
  );
}

/** The checkpoint that was exported, where it is not a folder of whoever did that. */
function nameIn(config: JsonObject): string | undefined {
  const path = textOf(config['_name_or_path']);
  return path === undefined || /^[./~]|\\/.test(path) ? undefined : path.split('/').at(-1);
}
