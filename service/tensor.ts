/** Element types, by ONNX Runtime's names, and the arrays that hold them. */
export interface TensorArrays {
  readonly float32: Float32Array;
  readonly float64: Float64Array;
  /** Bits of IEEE 754 binary16. */
  readonly float16: Uint16Array;
  readonly uint8: Uint8Array;
  readonly int8: Int8Array;
  readonly uint16: Uint16Array;
  readonly int16: Int16Array;
  readonly uint32: Uint32Array;
  readonly int32: Int32Array;
  readonly uint64: BigUint64Array;
  readonly int64: BigInt64Array;
  /** 0 or 1. */
  readonly bool: Uint8Array;
  readonly string: readonly string[];
}
export type ElementType = keyof TensorArrays;

/** Values in row-major order, as the model gave them. */
export type Tensor = {
  [Type in ElementType]: {
    readonly type: Type;
    readonly data: TensorArrays[Type];
    readonly shape: readonly number[];
  };
}[ElementType];

/** A tensor as the model's file declares it. Dynamic dimensions are -1. */
export interface TensorInfo {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
}

/** IEEE 754 binary16 bits to a number. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The values as 32-bit floats, without a copy where they are that. Throws a TypeError for texts. */
export function floatsOf(tensor: Tensor): Float32Array {
  switch (tensor.type) {
    case 'float32':
      return tensor.data;
    case 'float16':
      return floatsOfHalves(tensor.data);
    case 'int64':
    case 'uint64':
      return floatsOfBigInts(tensor.data);
    case 'string':
      throw new TypeError('texts are no numbers');
    default:
      return new Float32Array(tensor.data);
  }
}

/** What each of the 65,536 halves is; made when it is first needed. */
let halves: Float32Array | undefined;

// By index: a callback takes fifty times as long, and outputs have a million values.

function floatsOfHalves(data: Uint16Array): Float32Array {
  halves ??= Float32Array.from({ length: 0x10000 }, (_, bits) => halfToFloat(bits));
  const floats = new Float32Array(data.length);
  for (let at = 0; at < data.length; at++) floats[at] = halves[data[at] as number] as number;
  return floats;
}

function floatsOfBigInts(data: BigInt64Array | BigUint64Array): Float32Array {
  const floats = new Float32Array(data.length);
  for (let at = 0; at < data.length; at++) floats[at] = Number(data[at]);
  return floats;
}
