import type { InputSpec } from './image.js';

/** Where an image lies in its tensor. All in pixels. */
export interface Placement {
  /** Size of the whole image after resizing, before cropping. */
  readonly resizedWidth: number;
  readonly resizedHeight: number;
  /** Where in the resized image the part that is drawn begins. */
  readonly cropX: number;
  readonly cropY: number;
  /** Where in the tensor it is drawn, and its size there; the rest of the tensor is padding. */
  readonly drawX: number;
  readonly drawY: number;
  readonly drawWidth: number;
  readonly drawHeight: number;
}

/** A linear map from one coordinate system to another: `x * scaleX + offsetX`, `y * scaleY + offsetY`. */
export interface CoordinateMap {
  readonly scaleX: number;
  readonly scaleY: number;
  readonly offsetX: number;
  readonly offsetY: number;
}

type Size = readonly [width: number, height: number];

/** The parts of an input that decide where an image lies. */
export type PlacementSpec = Pick<InputSpec, 'width' | 'height' | 'resize'>;

/**
 * Where an image of `width` x `height` pixels lies in the tensor of `spec`.
 * `cover` follows torchvision's Resize(shortest edge) and CenterCrop (Hugging Face's `center_crop` with the position
 * `center-floor`), `letterbox` Ultralytics' LetterBox.
 */
export function placement(spec: PlacementSpec, width: number, height: number): Placement {
  const [resizedWidth, resizedHeight] = resizedSize(spec, width, height);
  const [cropX, drawX, drawWidth] = along(spec, resizedWidth, spec.width);
  const [cropY, drawY, drawHeight] = along(spec, resizedHeight, spec.height);
  return { resizedWidth, resizedHeight, cropX, cropY, drawX, drawY, drawWidth, drawHeight };
}

/** The input for one image: with `fit`, whose tensors have the size of their image, that of this one; else what it is. */
export function inputFor(spec: InputSpec, width: number, height: number): InputSpec {
  if (spec.resize.rule !== 'fit') return spec;
  const [fittedWidth, fittedHeight] = fittedSize(spec.resize, width, height);
  return { ...spec, width: fittedWidth, height: fittedHeight, resize: { ...spec.resize, rule: 'stretch' } };
}

/** From pixels of the image (`width` x `height`) to pixels of the tensor. */
export function imageToTensor(spec: PlacementSpec, width: number, height: number): CoordinateMap {
  const at = placement(spec, width, height);
  return {
    scaleX: at.resizedWidth / width,
    scaleY: at.resizedHeight / height,
    offsetX: at.drawX - at.cropX,
    offsetY: at.drawY - at.cropY,
  };
}

/** From pixels of the tensor to pixels of the image: undoes letterbox and crop. Not clipped to the image. */
export function tensorToImage(spec: PlacementSpec, width: number, height: number): CoordinateMap {
  const map = imageToTensor(spec, width, height);
  return {
    scaleX: 1 / map.scaleX,
    scaleY: 1 / map.scaleY,
    offsetX: -map.offsetX / map.scaleX,
    offsetY: -map.offsetY / map.scaleY,
  };
}

function resizedSize(spec: PlacementSpec, width: number, height: number): Size {
  switch (spec.resize.rule) {
    case 'stretch': {
      const { width: wide, height: high } = spec.resize.stretchTo ?? spec;
      return [wide, high];
    }
    case 'fit':
      return fittedSize(spec.resize, width, height);
    case 'cover': {
      const short = spec.resize.shortestEdge;
      const long = (shorter: number, longer: number): number => Math.trunc((short * longer) / shorter);
      return width <= height ? [short, long(width, height)] : [long(height, width), short];
    }
    case 'letterbox': {
      const ratio = Math.min(spec.width / width, spec.height / height);
      return [scaled(width, ratio), scaled(height, ratio)];
    }
  }
}

/**
 * The shortest edge to `shortestEdge`, or less where the longest would exceed `longestEdge`. Source: Hugging Face
 * transformers, `get_size_with_aspect_ratio` of DetrImageProcessor; YolosImageProcessor rounds down to multiples of 16.
 */
function fittedSize(resize: InputSpec['resize'], width: number, height: number): Size {
  const { shortestEdge, longestEdge = Number.POSITIVE_INFINITY, multipleOf = 1 } = resize;
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  const isBounded = (long / short) * shortestEdge > longestEdge;
  const exact = isBounded ? (longestEdge * short) / long : shortestEdge;
  const across = Math.max(1, roundHalfEven(exact));
  const along = across === short ? Math.min(long, longestEdge) : Math.trunc((exact * long) / short);
  const whole = (size: number): number => Math.max(multipleOf, size - (size % multipleOf));
  return width < height ? [whole(across), whole(along)] : [whole(along), whole(across)];
}

/** A strip of 5000 x 1 still becomes one pixel high, where Ultralytics would fail. */
function scaled(size: number, ratio: number): number {
  return Math.max(1, roundHalfEven(size * ratio));
}

function along(
  spec: PlacementSpec,
  resized: number,
  available: number,
): [crop: number, at: number, size: number] {
  const { rule, position } = spec.resize;
  if (rule === 'fit') return [0, 0, resized];
  if (rule === 'letterbox') {
    const centred = roundHalfEven((available - resized) / 2 - 0.1);
    return [0, position === 'top-left' ? 0 : centred, resized];
  }
  const isFloored = position === 'center-floor';
  const margin = Math.abs(resized - available) / 2;
  if (resized < available) return [0, isFloored ? Math.ceil(margin) : Math.trunc(margin), resized];
  return [isFloored ? Math.floor(margin) : roundHalfEven(margin), 0, available];
}

/** Rounds as Python does: halves go to the even neighbour. */
export function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  const isTie = rounded - value === 0.5;
  return (isTie && rounded % 2 !== 0 ? rounded - 1 : rounded) + 0;
}
