import { readFileSync } from 'node:fs';
import { builtFile } from '../../package-files.js';

/** What this file needs of WebAssembly; the DOM library, where it is declared, is not for a server. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: object };
};

interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

type Address = number;

/** The functions of resample-kernel.as.ts, where they are described. */
export interface Kernel {
  readonly memory: Memory;
  convolveRowsRgb: ConvolveRows;
  convolveRowsGrey: ConvolveRows;
  convolveColumns(
    rows: Address,
    stride: number,
    taps: number,
    weights: Address,
    target: Address,
    length: number,
    sums: Address,
    isFirst: boolean,
    isLast: boolean,
  ): void;
  linearRowsRgb: LinearRows;
  linearRowsGrey: LinearRows;
  linearColumns(
    upper: Address,
    lower: Address,
    upperWeight: number,
    lowerWeight: number,
    target: Address,
    length: number,
  ): void;
  pickRows(
    source: Address,
    sourceStride: number,
    rows: number,
    target: Address,
    targetStride: number,
    firsts: Address,
    columns: number,
    channels: number,
  ): void;
  copyRows(
    source: Address,
    sourceStride: number,
    rows: number,
    target: Address,
    targetStride: number,
    length: number,
  ): void;
  greyFromRgb(source: Address, target: Address, pixels: number): void;
  emitPlanes(
    source: Address,
    pixels: number,
    red: Address,
    green: Address,
    blue: Address,
    factors: Address,
  ): void;
  emit1: Emit;
  emit2: Emit;
  emit4: Emit;
}

type ConvolveRows = (
  source: Address,
  sourceStride: number,
  rows: number,
  target: Address,
  targetStride: number,
  firsts: Address,
  weights: Address,
  groups: number,
  columns: number,
) => void;

type LinearRows = (
  source: Address,
  sourceStride: number,
  rows: number,
  target: Address,
  targetStride: number,
  firsts: Address,
  weights: Address,
  columns: number,
) => void;

type Emit = (
  source: Address,
  pixels: number,
  channels: number,
  table: Address,
  target: Address,
  pixelStride: number,
  channelStride: number,
) => void;

const FILE = builtFile('preprocess/kernel/resample-kernel.wasm');

let compiled: object | undefined;

/** A new instance with a memory of its own; the module is compiled once for each thread. */
export function instantiateKernel(): Kernel {
  compiled ??= new WebAssembly.Module(readFileSync(FILE));
  return new WebAssembly.Instance(compiled, {}).exports as Kernel;
}
