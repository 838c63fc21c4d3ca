import { type JsonObject, textOf } from '../json-values.js';
import {
  CLASS_OF_MODEL_TYPE,
  PLAIN_PROCESSOR,
  PROCESSOR_CLASSES,
  type ProcessorClass,
} from './processor-defaults.js';

/** preprocessor_config.json as it is read: what the file says, and what its class does where the file does not. */
export class Processor {
  /** Without `ImageProcessor`; undefined where nothing says. */
  readonly name: string | undefined;
  readonly kind: ProcessorClass;
  readonly #given: JsonObject;
  readonly #file: string;

  /**
   * @param given the file's content; undefined where there is none
   * @param modelType of config.json, which tells the class where the file does not
   */
  constructor(given: JsonObject | undefined, modelType: string | undefined, file: string) {
    this.#given = given ?? {};
    this.#file = file;
    this.name = classIn(this.#given) ?? CLASS_OF_MODEL_TYPE.get(modelType ?? '');
    this.kind = PROCESSOR_CLASSES.get(this.name ?? '') ?? PLAIN_PROCESSOR;
  }

  get isKnown(): boolean {
    return this.kind !== PLAIN_PROCESSOR;
  }

  /** Null is what transformers takes it for: as if the field were not there. */
  get(key: string): unknown {
    return this.#given[key] ?? this.kind.defaults[key];
  }

  has(key: string): boolean {
    return this.#given[key] !== undefined && this.#given[key] !== null;
  }

  /** Where a value comes from that depends on these fields. */
  originOf(keys: readonly string[]): string {
    if (keys.some((key) => this.has(key))) return this.#file;
    return this.isKnown ? `default of ${this.name}ImageProcessor` : 'default of image processors';
  }
}

/** Of the file; the older key stands for the same. */
function classIn(given: JsonObject): string | undefined {
  const name = textOf(given['image_processor_type']) ?? textOf(given['feature_extractor_type']);
  return name?.replace(/(Fast)?$/, '').replace(/(ImageProcessor|FeatureExtractor|ImageProcessorPil)$/, '');
}
