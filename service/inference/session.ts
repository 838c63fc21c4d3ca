import { env, InferenceSession, listSupportedBackends, type OnnxValue, Tensor } from 'onnxruntime-node';
import type { EngineInfo, TensorInfo } from './runner.js';

export interface SessionOptions {
  readonly modelPath: string;
  /** In order of preference. */
  readonly executionProviders: readonly string[];
  readonly intraOpThreads: number;
  /** Lets ONNX Runtime write its warnings to stderr. Otherwise all but exceptions is held back. */
  readonly logWarnings?: boolean;
}

export type TensorData = Float32Array | Uint16Array | Uint8Array;

export interface RawOutput {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** A loaded model on the calling thread. `run` blocks that thread. */
export interface Session {
  readonly engine: EngineInfo;
  /**
   * @param input data and its shape, batch first
   * @param outputNames which outputs to return, each as 32-bit floats
   */
  run(
    inputName: string,
    input: TensorData,
    shape: readonly number[],
    outputNames: readonly string[],
  ): Promise<Map<string, RawOutput>>;
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
      unavailable.push({ provider, reason: firstLine(error) });
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
    // A spinning pool burns the cores that decoding needs.
    extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
  };
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
    async run(inputName, input, shape, outputNames) {
      const feed = toTensor(types.get(inputName) ?? 'float32', input, shape);
      const results = await session.run({ [inputName]: feed }, [...outputNames], {
        logSeverityLevel: SEVERITY_FATAL,
      });
      return new Map(outputNames.map((name) => [name, toFloats(name, results[name])]));
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

function toTensor(type: string, data: TensorData, shape: readonly number[]): Tensor {
  if (data instanceof Uint8Array) return new Tensor('uint8', data, shape);
  if (data instanceof Uint16Array || type === 'float16')
    return new Tensor('float16', data as Uint16Array, shape);
  return new Tensor('float32', data, shape);
}

function toFloats(name: string, value: OnnxValue | undefined): RawOutput {
  if (!(value instanceof Tensor)) throw new Error(`output ${name} is not a tensor`);
  return { data: asFloat32(name, value), shape: value.dims };
}

function asFloat32(name: string, tensor: Tensor): Float32Array {
  const data: unknown = tensor.data;
  if (data instanceof Float32Array) return data;
  if (data instanceof Uint16Array && tensor.type === 'float16') return Float32Array.from(data, halfToFloat);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float32Array.from(data, Number);
  if (ArrayBuffer.isView(data) && !(data instanceof DataView)) return Float32Array.from(data as Uint8Array);
  throw new Error(`output ${name} has element type ${tensor.type}, which holds no numbers`);
}

/** IEEE 754 binary16 bits to a number. */
function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? message;
}
