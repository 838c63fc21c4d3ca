import type { Socket } from 'node:net';

/**
 * What goes over the pipe between the service and a decode process: the length of a head and of a body (4 bytes each,
 * little endian), the head as JSON, the body as it is.
 */
const PREFIX_BYTES = 8;
const MAX_HEAD_BYTES = 64 * 1024;
const NOTHING = new Uint8Array();

/**
 * @param body its parts, one after the other; they must not change before they are sent, and are not copied
 * @param onSent called when all of it has been given to the system
 */
export function writeFrame(
  socket: Socket,
  head: object,
  body: readonly Uint8Array[] = [],
  onSent?: () => void,
): void {
  const json = Buffer.from(JSON.stringify(head));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32LE(json.length, 0);
  prefix.writeUInt32LE(
    body.reduce((sum, part) => sum + part.byteLength, 0),
    4,
  );
  socket.cork();
  socket.write(Buffer.concat([prefix, json]));
  for (const part of body) socket.write(part);
  socket.write(NOTHING, onSent);
  socket.uncork();
}

/** Puts frames together from what arrives. The body lies in a buffer of its own, which can be transferred. */
export class FrameReader<Head extends object> {
  readonly #onFrame: (head: Head, body: ArrayBuffer) => void;
  readonly #maxBodyBytes: number;
  #part: 'prefix' | 'head' | 'body' = 'prefix';
  #target = new Uint8Array(PREFIX_BYTES);
  #filled = 0;
  #bodyBytes = 0;
  #head: Head | undefined;

  constructor(maxBodyBytes: number, onFrame: (head: Head, body: ArrayBuffer) => void) {
    this.#maxBodyBytes = maxBodyBytes;
    this.#onFrame = onFrame;
  }

  /** Throws where it is not a frame, or one that is too long. */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const count = Math.min(this.#target.length - this.#filled, chunk.length - at);
      this.#target.set(chunk.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled === this.#target.length) this.#endPart();
    }
  }

  #endPart(): void {
    if (this.#part === 'prefix') {
      const lengths = new DataView(this.#target.buffer);
      this.#bodyBytes = lengths.getUint32(4, true);
      this.#expect('head', lengths.getUint32(0, true), MAX_HEAD_BYTES);
    } else if (this.#part === 'head') {
      this.#head = JSON.parse(Buffer.from(this.#target.buffer).toString()) as Head;
      this.#expect('body', this.#bodyBytes, this.#maxBodyBytes);
      if (this.#bodyBytes === 0) this.#endPart();
    } else {
      const [head, body] = [this.#head, this.#target.buffer];
      this.#head = undefined;
      this.#expect('prefix', PREFIX_BYTES, PREFIX_BYTES);
      if (head !== undefined) this.#onFrame(head, body);
    }
  }

  #expect(part: 'prefix' | 'head' | 'body', bytes: number, maxBytes: number): void {
    if (bytes > maxBytes) throw new Error(`a ${part} of ${bytes} bytes; the limit is ${maxBytes}`);
    this.#part = part;
    this.#target = new Uint8Array(bytes);
    this.#filled = 0;
  }
}
