import type { DrawingOrder } from '../../drawing/shapes.js';
import type { RequestErrorCode } from '../../errors.js';
import type { ImageFormat, InputSpec } from '../image.js';

/** What a decode process is told when it starts. */
export interface DecodeProcessInit {
  readonly formats: readonly ImageFormat[];
  readonly maxPixels: number;
  readonly spec: InputSpec;
  readonly reduce: 'auto' | 'off';
  /** Common JPEGs are decoded by libjpeg-turbo and still WebPs by the system's libwebp, where they are installed. */
  readonly fastDecoders: boolean;
}

/** Head of a request; its body is the file, and the shapes as JSON where something is to be drawn. */
export interface DecodeJob {
  readonly format: ImageFormat;
  /** CPU time that it may take, milliseconds. */
  readonly maxCpuMs: number;
  readonly drawing?: Omit<DrawingOrder, 'shapes'> & { readonly shapesBytes: number };
}

/** Head of an answer; the body of `decoded` is the pixels (as few as the model needs), that of `drawn` the picture. */
export type DecodeAnswer =
  | { readonly type: 'ready' }
  | {
      readonly type: 'decoded';
      readonly pixelWidth: number;
      readonly pixelHeight: number;
      readonly width: number;
      readonly height: number;
      /** From the file to its pixels. */
      readonly decodeMs: number;
    }
  | {
      readonly type: 'drawn';
      /** From the pixels to the picture. */
      readonly drawMs: number;
    }
  | {
      readonly type: 'refused';
      readonly code: RequestErrorCode;
      readonly detail: string;
      readonly cause: string | undefined;
    }
  /** The CPU time is used up and the decoding goes on: the process is to be ended. */
  | { readonly type: 'too-long' };
