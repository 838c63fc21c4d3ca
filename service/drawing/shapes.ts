/** Formats of pictures that can be made. */
export const PICTURE_FORMATS = ['jpeg', 'png', 'webp'] as const;
export type PictureFormat = (typeof PICTURE_FORMATS)[number];

/** Longest side of a picture where nobody says another, pixels: legible, and of bounded cost. */
export const MAX_PICTURE_SIDE = 2048;

/** Pixels of the image as a person sees it. */
export interface Rectangle {
  readonly x_min: number;
  readonly y_min: number;
  readonly x_max: number;
  readonly y_max: number;
}

/** An object's outline and what it is. */
export interface BoxShape {
  readonly kind: 'box';
  readonly box: Rectangle;
  readonly text: string;
  /** Its colour, as everywhere below. */
  readonly classId: number;
}

/** Points, and lines between some of them. */
export interface PointsShape {
  readonly kind: 'points';
  readonly points: readonly { readonly x: number; readonly y: number }[];
  /** Pairs of indexes into `points`. */
  readonly edges: readonly (readonly [from: number, to: number])[];
  readonly classId: number;
}

/** The pixels of one object. */
export interface MaskShape {
  readonly kind: 'mask';
  /** Base64; a grey PNG of 1 or 8 bits without filters, stretched over the box: what is not 0 belongs to the object. */
  readonly png: string;
  readonly box: Rectangle;
  readonly classId: number;
}

/** The class of every pixel. */
export interface ClassMapShape {
  readonly kind: 'class-map';
  /** As that of a mask, stretched over the whole image; pixels are class ids. */
  readonly png: string;
  /** Classes that are left as they are, such as the background. */
  readonly without: readonly number[];
}

/** Lines of text beside the image, the most important first. */
export interface CaptionShape {
  readonly kind: 'caption';
  readonly lines: readonly { readonly text: string; readonly classId: number }[];
}

/** What can be drawn: plain data, which can be sent to another process as JSON. The most important first. */
export type Shape = BoxShape | PointsShape | MaskShape | ClassMapShape | CaptionShape;

/** What is to be made of an image. */
export interface DrawingOrder {
  readonly shapes: readonly Shape[];
  readonly format: PictureFormat;
  /** Longest side of the picture, pixels, without its caption. */
  readonly maxSide: number;
}

/** A file. */
export interface Picture {
  readonly bytes: Uint8Array;
  readonly format: PictureFormat;
}

/** What is to be seen of an answer: shapes to be drawn on the image, or a picture that is there already. */
export type Drawing = { readonly shapes: readonly Shape[] } | { readonly picture: Picture };
