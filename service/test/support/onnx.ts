/**
 * Writes small ONNX files, so that tests have models of every shape without Python.
 * Source of the field numbers: onnx/onnx.proto3 of the ONNX project.
 */

export interface OnnxTensor {
  readonly name: string;
  /** Numbers, or the name of a dynamic dimension. */
  readonly shape: readonly (number | string)[];
  readonly type?: keyof typeof ELEMENT_TYPES;
}

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Integers, lists of integers, and graphs: what a Loop repeats. */
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

export type OnnxAttribute = number | readonly number[] | OnnxModel;

export interface OnnxConstant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
  /** The file, beside the ONNX file, that holds `data` and nothing else. Default: the ONNX file itself does. */
  readonly externalFile?: string;
}

export interface OnnxModel {
  readonly inputs: readonly OnnxTensor[];
  readonly outputs: readonly OnnxTensor[];
  readonly nodes: readonly OnnxNode[];
  readonly constants?: readonly OnnxConstant[];
  /** metadata_props. */
  readonly metadata?: Readonly<Record<string, string>>;
}

const ELEMENT_TYPES = { float32: 1, uint8: 2, int64: 7, string: 8, bool: 9, float16: 10 } as const;
const OPSET = 13;
const IR_VERSION = 8;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_GRAPH = 5;
const ATTRIBUTE_INTS = 7;
const EXTERNAL = 1;

/** Serialises a model. */
export function encodeOnnx(model: OnnxModel): Buffer {
  const properties = Object.entries(model.metadata ?? {}).map(([key, value]) =>
    message(14, Buffer.concat([text(1, key), text(2, value)])),
  );
  return Buffer.concat([
    varint(1, IR_VERSION),
    message(7, encodeGraph(model)),
    message(8, varint(2, OPSET)),
    ...properties,
  ]);
}

function encodeGraph(model: OnnxModel): Buffer {
  return Buffer.concat([
    ...model.nodes.map((node) => message(1, encodeNode(node))),
    message(2, Buffer.from('graph')),
    ...(model.constants ?? []).map((constant) => message(5, encodeConstant(constant))),
    ...model.inputs.map((tensor) => message(11, encodeValueInfo(tensor))),
    ...model.outputs.map((tensor) => message(12, encodeValueInfo(tensor))),
  ]);
}

function encodeNode(node: OnnxNode): Buffer {
  return Buffer.concat([
    ...node.inputs.map((name) => text(1, name)),
    ...node.outputs.map((name) => text(2, name)),
    text(4, node.op),
    ...Object.entries(node.attributes ?? {}).map(([name, value]) => message(5, encodeAttribute(name, value))),
  ]);
}

function encodeAttribute(name: string, value: OnnxAttribute): Buffer {
  if (typeof value === 'object' && 'nodes' in value) {
    return Buffer.concat([text(1, name), message(6, encodeGraph(value)), varint(20, ATTRIBUTE_GRAPH)]);
  }
  if (typeof value === 'number')
    return Buffer.concat([text(1, name), varint(3, value), varint(20, ATTRIBUTE_INT)]);
  return Buffer.concat([
    text(1, name),
    ...value.map((entry) => varint(8, entry)),
    varint(20, ATTRIBUTE_INTS),
  ]);
}

function encodeConstant({ name, shape, data, externalFile }: OnnxConstant): Buffer {
  const type = data instanceof Float32Array ? ELEMENT_TYPES.float32 : ELEMENT_TYPES.int64;
  const raw = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([
    ...shape.map((size) => varint(1, size)),
    varint(2, type),
    text(8, name),
    ...(externalFile === undefined ? [message(9, raw)] : encodeExternal(externalFile)),
  ]);
}

function encodeExternal(file: string): Buffer[] {
  const location = message(13, Buffer.concat([text(1, 'location'), text(2, file)]));
  return [location, varint(14, EXTERNAL)];
}

function encodeValueInfo({ name, shape, type = 'float32' }: OnnxTensor): Buffer {
  const dimensions = shape.map((size) =>
    message(1, typeof size === 'number' ? varint(1, size) : text(2, size)),
  );
  const tensorType = Buffer.concat([varint(1, ELEMENT_TYPES[type]), message(2, Buffer.concat(dimensions))]);
  return Buffer.concat([text(1, name), message(2, message(1, tensorType))]);
}

function text(field: number, value: string): Buffer {
  return message(field, Buffer.from(value, 'utf8'));
}

function message(field: number, body: Buffer): Buffer {
  return Buffer.concat([bytesOf((field << 3) | 2), bytesOf(body.length), body]);
}

function varint(field: number, value: number): Buffer {
  return Buffer.concat([bytesOf(field << 3), bytesOf(value)]);
}

/** Base-128, least significant group first; negative numbers as 64-bit two's complement. */
function bytesOf(value: number): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const group = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? group | 0x80 : group);
  } while (rest > 0n);
  return Buffer.from(bytes);
}
