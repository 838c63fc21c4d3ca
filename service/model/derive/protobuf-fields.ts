import { type FileWindow, MalformedFile } from './file-window.js';

/** One field of a message: where its value lies. Values are not read. */
export interface ProtobufField {
  readonly number: number;
  /** Of the value in the file, bytes; of a field without a length, the value itself. */
  readonly from: number;
  readonly to: number;
  readonly hasLength: boolean;
}

/** Two varints of at most 10 bytes. */
const HEAD_BYTES = 20;
const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** Bounds how many fields one file may cost, over all messages that are walked. */
export class FieldBudget {
  #left: number;

  constructor(most: number) {
    this.#left = most;
  }

  /** Throws MalformedFile once it is used up. */
  take(): void {
    if (this.#left-- <= 0) throw new MalformedFile('too many fields');
  }
}

/**
 * The fields of the message that lies in `from` to `to`, in order; whoever walks them reads those that it wants, the others
 * cost nothing but their head. Throws MalformedFile where it is none. Source: Protocol Buffers, "Encoding".
 */
export async function* fieldsOf(
  window: FileWindow,
  budget: FieldBudget,
  from: number,
  to: number,
): AsyncGenerator<ProtobufField> {
  let position = from;
  while (position < to) {
    budget.take();
    const head = await window.peek(position, HEAD_BYTES);
    const tag = varintAt(head, 0);
    const start = position + tag.bytes;
    const field = { number: Math.floor(tag.value / 8), ...extentOf(tag.value % 8, head, tag.bytes, start) };
    if (field.number === 0 || field.to > to) throw new MalformedFile('a field ends behind its message');
    yield field;
    position = field.to;
  }
}

function extentOf(wireType: number, head: Buffer, at: number, start: number): Omit<ProtobufField, 'number'> {
  switch (wireType) {
    case VARINT:
      return { from: start, to: start + varintAt(head, at).bytes, hasLength: false };
    case FIXED_64:
      return { from: start, to: start + 8, hasLength: false };
    case FIXED_32:
      return { from: start, to: start + 4, hasLength: false };
    case LENGTH_DELIMITED: {
      const length = varintAt(head, at);
      const from = start + length.bytes;
      return { from, to: from + length.value, hasLength: true };
    }
    default:
      throw new MalformedFile('a field of no known kind');
  }
}

/** Exact up to 2^53; what is larger is no length of any file. */
function varintAt(bytes: Buffer, at: number): { readonly value: number; readonly bytes: number } {
  let value = 0;
  for (let index = 0; index < 10; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, bytes: index + 1 };
  }
  throw new MalformedFile('a number without an end');
}
