import { toFloat16 } from './float16.js';
import type { Placement } from './geometry.js';
import type { InputSpec } from './image.js';
import type { Arena } from './kernel/arena.js';
import type { Kernel } from './kernel/kernel.js';

/** A batch's input. Of float16 the bits. */
export type Tensor = Float32Array | Uint16Array | Uint8Array;

/** Finished rows gather in the kernel's memory up to about this size before they are copied to the tensor. */
const BLOCK_BYTES = 256 * 1024;
const LEVELS = 256;

const ELEMENT_BYTES = { float32: 4, float16: 2, uint8: 1 } as const;

/** The channel of the tensor that each channel of the pixels becomes. */
const ORDERS = { rgb: [0, 1, 2], bgr: [2, 1, 0], grey: [0] } as const;

/** How a level (0..255) becomes an element. */
interface Affine {
  readonly factor: number;
  readonly offset: number;
}

/** Turns rows of bytes into normalised elements and puts them into their place in a tensor, padding included. */
export class TensorWriter {
  readonly #spec: InputSpec;
  readonly #kernel: Kernel;
  readonly #arena: Arena;
  readonly #channels: number;
  readonly #elementBytes: number;
  readonly #factors: number;
  readonly #table: number;
  readonly #padding: readonly number[];

  /** Takes memory of the arena for good. */
  constructor(spec: InputSpec, kernel: Kernel, arena: Arena) {
    this.#spec = spec;
    this.#kernel = kernel;
    this.#arena = arena;
    const order = ORDERS[spec.channels];
    this.#channels = order.length;
    this.#elementBytes = ELEMENT_BYTES[spec.type];
    const affines = order.map((channel) => affineOf(spec, channel));
    this.#factors = arena.put(
      Float32Array.from([...affines.map((each) => each.factor), ...affines.map((each) => each.offset)]),
    );
    this.#table = arena.put(levelTable(spec, affines));
    const pads = spec.resize.rule === 'letterbox' ? spec.resize.padValue : [];
    this.#padding = order.map((_, channel) =>
      elementOf(spec, affineOf(spec, channel), pads[channel] ?? pads[0] ?? 0),
    );
  }

  /** Elements of one image. */
  get imageElements(): number {
    return this.#spec.width * this.#spec.height * this.#channels;
  }

  /**
   * Writes one image, row by row.
   * @param row gives the address of a drawn row's bytes, asked for in order
   */
  write(tensor: Tensor, elementOffset: number, at: Placement, row: (index: number) => number): void {
    const { width, height } = this.#spec;
    const rowElements = width * this.#channels;
    const fitting = Math.trunc(BLOCK_BYTES / (rowElements * this.#elementBytes));
    const blockRows = Math.max(1, Math.min(at.drawHeight, fitting));
    const block = this.#arena.take(blockRows * rowElements * this.#elementBytes);
    this.#pad(tensor, elementOffset, height, 0, at.drawY);
    this.#pad(tensor, elementOffset, height, at.drawY + at.drawHeight, height);
    if (at.drawWidth < width)
      this.#pad(this.#view(block, blockRows * rowElements), 0, blockRows, 0, blockRows);
    for (let done = 0; done < at.drawHeight; done += blockRows) {
      const count = Math.min(blockRows, at.drawHeight - done);
      for (let index = 0; index < count; index++) {
        this.#emit(row(done + index), block, blockRows, index, at);
      }
      this.#copy(block, blockRows, count, tensor, elementOffset, at.drawY + done);
    }
  }

  /** Elements of the kernel's memory, of the tensor's type. */
  #view(address: number, length: number): Tensor {
    const { buffer } = this.#arena.bytes;
    if (this.#spec.type === 'float32') return new Float32Array(buffer, address, length);
    if (this.#spec.type === 'float16') return new Uint16Array(buffer, address, length);
    return new Uint8Array(buffer, address, length);
  }

  /** Fills the rows `from` to `to` of an image of `height` rows. */
  #pad(target: Tensor, offset: number, height: number, from: number, to: number): void {
    const { width, layout } = this.#spec;
    for (const [channel, value] of this.#padding.entries()) {
      if (layout === 'NCHW' || this.#channels === 1) {
        const plane = offset + channel * height * width;
        target.fill(value, plane + from * width, plane + to * width);
        continue;
      }
      const end = offset + to * width * this.#channels;
      for (let at = offset + from * width * this.#channels + channel; at < end; at += this.#channels) {
        target[at] = value;
      }
    }
  }

  #emit(source: number, block: number, blockRows: number, index: number, at: Placement): void {
    const { width, layout, channels: order, type } = this.#spec;
    const size = this.#elementBytes;
    const isPlanar = layout === 'NCHW';
    const pixelBytes = isPlanar ? size : size * this.#channels;
    const channelBytes = isPlanar ? blockRows * width * size : size;
    const target = block + (index * width + at.drawX) * pixelBytes;
    const isReversed = order === 'bgr';
    const first = isReversed ? target + 2 * channelBytes : target;
    const step = isReversed ? -channelBytes : channelBytes;
    if (isPlanar && type === 'float32' && this.#channels === 3) {
      this.#kernel.emitPlanes(source, at.drawWidth, first, first + step, first + 2 * step, this.#factors);
      return;
    }
    this.#emitter(source, at.drawWidth, this.#channels, this.#table, first, pixelBytes, step);
  }

  get #emitter(): Kernel['emit1'] {
    if (this.#elementBytes === 4) return this.#kernel.emit4;
    return this.#elementBytes === 2 ? this.#kernel.emit2 : this.#kernel.emit1;
  }

  #copy(block: number, blockRows: number, count: number, tensor: Tensor, offset: number, y: number): void {
    const { width, height, layout } = this.#spec;
    const isPlanar = layout === 'NCHW';
    const rowElements = isPlanar ? width : width * this.#channels;
    for (let plane = 0; plane < (isPlanar ? this.#channels : 1); plane++) {
      const from = block + plane * blockRows * rowElements * this.#elementBytes;
      tensor.set(
        this.#view(from, count * rowElements),
        offset + plane * height * rowElements + y * rowElements,
      );
    }
  }
}

function affineOf(spec: InputSpec, channel: number): Affine {
  const std = spec.std[channel] ?? spec.std[0] ?? 1;
  const mean = spec.mean[channel] ?? spec.mean[0] ?? 0;
  return { factor: Math.fround(spec.scale / std), offset: Math.fround(-mean / std) };
}

/** The arithmetic of the kernel, in float32: a level gives the same element on every path. */
function elementOf(spec: InputSpec, { factor, offset }: Affine, level: number): number {
  const value = Math.fround(Math.fround(level * factor) + offset);
  if (spec.type === 'float16') return toFloat16(value);
  if (spec.type === 'uint8') return Math.min(255, Math.max(0, Math.round(value)));
  return value;
}

/** Every element that a level can become: 256 for each channel of the pixels. */
function levelTable(spec: InputSpec, affines: readonly Affine[]): Uint8Array {
  const elements = affines.flatMap((affine) =>
    Array.from({ length: LEVELS }, (_, level) => elementOf(spec, affine, level)),
  );
  if (spec.type === 'uint8') return Uint8Array.from(elements);
  const { buffer } = spec.type === 'float16' ? Uint16Array.from(elements) : Float32Array.from(elements);
  return new Uint8Array(buffer);
}
