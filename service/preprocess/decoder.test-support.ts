import { afterAll } from 'vitest';
import { createDecoder, type Decoder, type DecoderOptions } from './decode.js';
import type { DecodedImage, InputSpec, PreparedImage } from './image.js';

/** A decoder as the tests use it: bytes in, one step. Its processes end with the test file. */
export interface TestDecoder {
  readonly decoder: Decoder;
  decode(bytes: Uint8Array, signal?: AbortSignal): Promise<DecodedImage>;
  prepare(bytes: Uint8Array, signal?: AbortSignal): Promise<PreparedImage>;
}

export function testDecoder(options: DecoderOptions): TestDecoder {
  const decoder = createDecoder(options);
  opened.push(decoder);
  return {
    decoder,
    decode: async (bytes, signal) => decoder.decode(decoder.inspect(bytes), signal),
    prepare: async (bytes, signal) => decoder.prepare(decoder.inspect(bytes), signal),
  };
}

const opened: Decoder[] = [];
afterAll(async () => void (await Promise.all(opened.map((decoder) => decoder.destroy()))));

/** A small input of 8-bit pixels as they are. */
export function specOf(
  filter: InputSpec['resize']['filter'],
  rule: InputSpec['resize']['rule'] = 'stretch',
  side = 64,
): InputSpec {
  return {
    layout: 'NHWC',
    type: 'uint8',
    width: side,
    height: side,
    channels: 'rgb',
    resize: {
      rule,
      filter,
      shortestEdge: Math.round((side * 9) / 8),
      padValue: [0, 0, 0],
      position: 'center',
    },
    accuracy: 'exact',
    scale: 1,
    mean: [0, 0, 0],
    std: [1, 1, 1],
  };
}
