/** What a field holds: a number of any size, or bytes, which may be text or a message. */
export type Value = bigint | Buffer;

/** The fields of a message by their numbers, in the order in which they came (Protocol Buffers, "Encoding"). */
export type Message = ReadonlyMap<number, readonly Value[]>;

/** Reads one message. Throws where the bytes are none. */
export function readMessage(bytes: Buffer): Message {
  const fields = new Map<number, Value[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new RangeError('the message ends too early');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const value = readValue(tag & 7, varint, take);
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value]);
  }
  return fields;
}

function readValue(wireType: number, varint: () => bigint, take: (length: number) => Buffer): Value {
  if (wireType === 0) return varint();
  if (wireType === 1) return take(8).readBigUInt64LE();
  if (wireType === 2) return take(Number(varint()));
  if (wireType === 5) return BigInt(take(4).readUInt32LE());
  throw new RangeError(`there is no wire type ${wireType}`);
}

/** The messages that a field holds. */
export function messages(message: Message, field: number): Message[] {
  return (message.get(field) ?? []).map((value) => readMessage(value as Buffer));
}

/** The first value of a field. */
export function bytesOf(message: Message | undefined, field: number): Buffer {
  return (message?.get(field)?.[0] as Buffer | undefined) ?? Buffer.alloc(0);
}

export function numberOf(message: Message | undefined, field: number): bigint {
  return (message?.get(field)?.[0] as bigint | undefined) ?? 0n;
}
