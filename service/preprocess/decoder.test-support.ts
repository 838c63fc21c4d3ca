import { afterAll } from 'vitest';
import { createDecoder, type Decoder, type DecoderOptions } from './decode.js';
import type { DecodedImage, PreparedImage } from './image.js';

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
