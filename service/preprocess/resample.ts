import { type Axis, type AxisTable, axisTable } from './axis-table.js';
import { type Placement, placement } from './geometry.js';
import type { InputSpec, Pixels } from './image.js';
import { Arena } from './kernel/arena.js';
import { instantiateKernel, type Kernel } from './kernel/kernel.js';
import { horizontalPass, type PassSetting, verticalPass } from './row-passes.js';
import { RowWindow } from './row-window.js';
import { type Tensor, TensorWriter } from './tensor-writer.js';

/** Tables of the sizes seen last; most services see few sizes. Two for each size. */
const MAX_TABLES = 32;

/** Is shown the pixels that the model sees: those that are drawn, without padding, before they are normalised. */
export interface RowObserver {
  /** An image begins. @param channels 1 (grey), or 3 in the order red, green, blue */
  begin(width: number, height: number, channels: number): void;
  /** One drawn row, in order. @param address of its first byte, good until this returns */
  row(bytes: Uint8Array, address: number, index: number): void;
}

/** Turns decoded pixels into a model's input. One for each worker thread: it holds a WebAssembly instance. */
export interface Resampler {
  /**
   * Writes one image of a batch: resized, cropped or padded, normalised.
   * @param tensor the whole batch, of the element type of the spec (float16 as its bits)
   * @param elementOffset where the image begins: a multiple of channels * height * width
   * @param observer shown every row
   * @throws RangeError when the pixels are fewer than their size says or the image does not fit into the tensor
   */
  resampleInto(pixels: Pixels, tensor: Tensor, elementOffset: number, observer?: RowObserver): void;
  /** What the instance holds outside the JavaScript heap: bounded, whatever the sizes of the images. */
  readonly memoryBytes: number;
}

/** Resizes as Pillow or OpenCV do, to the last bit, and normalises in the same pass. */
export function createResampler(spec: InputSpec): Resampler {
  const kernel = instantiateKernel();
  return new KernelResampler(spec, kernel);
}

class KernelResampler implements Resampler {
  readonly #spec: InputSpec;
  readonly #kernel: Kernel;
  readonly #arena: Arena;
  readonly #writer: TensorWriter;
  readonly #channels: number;
  readonly #mark: number;
  readonly #tables = new Map<string, AxisTable>();

  constructor(spec: InputSpec, kernel: Kernel) {
    this.#spec = spec;
    this.#kernel = kernel;
    this.#arena = new Arena(kernel);
    this.#writer = new TensorWriter(spec, kernel, this.#arena);
    this.#channels = spec.channels === 'grey' ? 1 : 3;
    this.#mark = this.#arena.mark;
  }

  get memoryBytes(): number {
    return this.#arena.size;
  }

  resampleInto(pixels: Pixels, tensor: Tensor, elementOffset: number, observer?: RowObserver): void {
    if (pixels.data.byteLength < pixels.width * pixels.height * 3) {
      throw new RangeError(
        `${pixels.data.byteLength} bytes are not ${pixels.width} x ${pixels.height} pixels`,
      );
    }
    if (elementOffset < 0 || elementOffset + this.#writer.imageElements > tensor.length) {
      throw new RangeError(`no room for an image at ${elementOffset} of ${tensor.length} elements`);
    }
    const { width, height } = pixels.extent ?? pixels;
    const at = placement(this.#spec, width, height);
    this.#arena.release(this.#mark);
    const rows = this.#rows(pixels, at);
    this.#writer.write(tensor, elementOffset, at, observer ? this.#observed(rows, at, observer) : rows);
  }

  #observed(
    rows: (row: number) => number,
    { drawWidth, drawHeight }: Placement,
    observer: RowObserver,
  ): (row: number) => number {
    observer.begin(drawWidth, drawHeight, this.#channels);
    return (row) => {
      const address = rows(row);
      observer.row(this.#arena.bytes, address, row);
      return address;
    };
  }

  /** Sets up the two passes; the result makes drawn rows, in order, and returns their addresses. */
  #rows(pixels: Pixels, at: Placement): (row: number) => number {
    const { filter } = this.#spec.resize;
    const isLinear = filter === 'opencv-linear';
    const across = this.#table({
      filter,
      inSize: pixels.width,
      inExtent: (pixels.extent ?? pixels).width,
      outSize: at.resizedWidth,
      from: at.cropX,
      count: at.drawWidth,
      direction: 'horizontal',
    });
    const down = this.#table({
      filter,
      inSize: pixels.height,
      inExtent: (pixels.extent ?? pixels).height,
      outSize: at.resizedHeight,
      from: at.cropY,
      count: at.drawHeight,
      direction: 'vertical',
    });
    const shared = { kernel: this.#kernel, arena: this.#arena, channels: this.#channels };
    const setting: PassSetting = { ...shared, columns: at.drawWidth };
    const pass = horizontalPass(setting, across, isLinear);
    const vertical = verticalPass(setting, down, isLinear);
    const window = new RowWindow({ ...shared, pixels, pass, table: down });
    return (row) => vertical.run(row, window);
  }

  #table(axis: Axis): AxisTable {
    const key = `${axis.inSize} ${axis.inExtent} ${axis.outSize} ${axis.from} ${axis.count} ${axis.direction}`;
    const table = this.#tables.get(key) ?? axisTable(axis);
    this.#tables.delete(key);
    this.#tables.set(key, table);
    const [oldest] = this.#tables.keys();
    if (this.#tables.size > MAX_TABLES && oldest !== undefined) this.#tables.delete(oldest);
    return table;
  }
}
