import {
  env,
  InferenceSession,
  listSupportedBackends,
  Tensor as OnnxTensor,
  type OnnxValue,
} from 'onnxruntime-node';
import { messageOf } from '../errors.js';
import type { ElementType, Tensor, TensorInfo } from '../tensor.js';
import { engineWords } from './engine-words.js';
import type { EngineInfo } from './runner.js';

export interface SessionOptions {
  readonly modelPath: string;
  /** In order of preference. */
  readonly executionProviders: readonly string[];
  readonly intraOpThreads: number;
  /** Lets ONNX Runtime write its warnings to stderr. Otherwise all but exceptions is held back. */
  readonly logWarnings?: boolean;
}

export type TensorData = Float32Array | Uint16Array | Uint8Array;

/** Outputs by name, of the whole batch. */
export type RawOutputs = ReadonlyMap<string, Tensor>;

/** An input of whole numbers, all of which are 1. */
export interface Mask {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A loaded model on the calling thread. `run` blocks that thread. */
export interface Session {
  readonly engine: EngineInfo;
  /**
   * @param input data and its shape, batch first
   * @param outputNames which outputs to return
   * @param mask another input, of whole numbers, that is filled with 1
   */
  run(
    inputName: string,
    input: TensorData,
    shape: readonly number[],
    outputNames: readonly string[],
    mask?: Mask,
  ): Promise<RawOutputs>;
}

const SEVERITY_WARNING = 2;
const SEVERITY_FATAL = 4;

/**
 * Loads a model with the first execution provider that works: ONNX Runtime itself throws instead of falling back.
 * Throws what the last provider threw.
 */
export async function createSession(options: SessionOptions): Promise<Session> {
  env.logLevel = options.logWarnings === true ? 'warning' : 'fatal';
  const unavailable: { provider: string; reason: string }[] = [];
  const supported = new Set(listSupportedBackends().map((backend) => backend.name));
  for (const [index, provider] of options.executionProviders.entries()) {
    const isLast = index === options.executionProviders.length - 1;
    if (!supported.has(provider) && !isLast) {
      unavailable.push({ provider, reason: 'not part of this build of ONNX Runtime' });
      continue;
    }
    try {
      const session = await InferenceSession.create(options.modelPath, sessionOptions(options, provider));
      return wrap(session, provider, unavailable);
    } catch (error) {
      if (isLast) throw error;
      unavailable.push({ provider, reason: engineWords(messageOf(error)) });
    }
  }
  throw new Error('no execution provider was given');
}

function sessionOptions(options: SessionOptions, provider: string): InferenceSession.SessionOptions {
  return {
    executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
    intraOpNumThreads: options.intraOpThreads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: options.logWarnings === true ? SEVERITY_WARNING : SEVERITY_FATAL,
    extra: { session: { ...spinning(options.intraOpThreads > 1), inter_op: { allow_spinning: '0' } } },
  };
}

/**
 * Threads of one run wait for each other in a loop: asleep they gain nothing. Never between runs, where they would take the
 * cores that decoding needs (onnxruntime_session_options_config_keys.h).
 */
function spinning(isOn: boolean): object {
  return { intra_op: { allow_spinning: isOn ? '1' : '0' }, force_spinning_stop: '1' };
}

function wrap(session: InferenceSession, provider: string, unavailable: EngineInfo['unavailable']): Session {
  const types = new Map(
    session.inputMetadata.map((meta) => [meta.name, meta.isTensor ? meta.type : 'unknown']),
  );
  return {
    engine: {
      inputs: session.inputMetadata.map(tensorInfo),
      outputs: session.outputMetadata.map(tensorInfo),
      provider,
      unavailable,
    },
    async run(inputName, input, shape, outputNames, mask) {
      const feed = toFeed(types.get(inputName) ?? 'float32', input, shape);
      const masks = mask === undefined ? {} : { [mask.name]: ones(mask.shape) };
      const results = await session.run({ [inputName]: feed, ...masks }, [...outputNames], {
        logSeverityLevel: SEVERITY_FATAL,
      });
      return new Map(outputNames.map((name) => [name, toTensor(name, results[name])]));
    },
  };
}

function tensorInfo(meta: InferenceSession.ValueMetadata): TensorInfo {
  if (!meta.isTensor) return { name: meta.name, type: 'not a tensor', shape: [] };
  return {
    name: meta.name,
    type: meta.type,
    shape: meta.shape.map((dimension) => (typeof dimension === 'number' && dimension >= 0 ? dimension : -1)),
  };
}

function toFeed(type: string, data: TensorData, shape: readonly number[]): OnnxTensor {
  if (data instanceof Uint8Array) return new OnnxTensor('uint8', data, shape);
  if (data instanceof Uint16Array || type === 'float16')
    return new OnnxTensor('float16', data as Uint16Array, shape);
  return new OnnxTensor('float32', data, shape);
}

function ones(shape: readonly number[]): OnnxTensor {
  const elements = shape.reduce((product, size) => product * size, 1);
  return new OnnxTensor('int64', new BigInt64Array(elements).fill(1n), shape);
}

const ELEMENT_TYPES: ReadonlySet<string> = new Set<ElementType>([
  'float32',
  'float64',
  'float16',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'uint64',
  'int64',
  'bool',
  'string',
]);

function toTensor(name: string, value: OnnxValue | undefined): Tensor {
  if (!(value instanceof OnnxTensor)) throw new Error(`output ${name} is not a tensor`);
  if (!ELEMENT_TYPES.has(value.type)) throw new Error(`output ${name} has element type ${value.type}`);
  // Where the runtime has Float16Array, float16 comes as one.
  const data: unknown = value.data;
  const bits =
    value.type === 'float16' && ArrayBuffer.isView(data) && !(data instanceof Uint16Array)
      ? new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2)
      : data;
  return { type: value.type, data: bits, shape: value.dims } as Tensor;
}
