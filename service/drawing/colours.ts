/** 8 bits each. */
export type Colour = readonly [red: number, green: number, blue: number];

export const BLACK: Colour = [0, 0, 0];
export const WHITE: Colour = [255, 255, 255];

/** Degrees between the hues of neighbours: the golden angle, by which any number of them lies well spread. */
const HUE_STEP = 137.508;
const FIRST_HUE = 345;
/** Taken in turn, so that hues that come near each other again differ in these. */
const TONES = [
  { saturation: 0.85, value: 1 },
  { saturation: 0.9, value: 0.7 },
  { saturation: 0.45, value: 1 },
] as const;
/** Hues that are far enough from each other with one tone. */
const HUES = 8;
/** Luminance from which on black is easier to read (WCAG 2: equal contrast to black and white). */
const BRIGHT = 0.179;

/** Always the same for a class; those of the first two dozen classes can be told apart. */
export function colourOf(classId: number): Colour {
  const id = Number.isFinite(classId) ? Math.abs(Math.trunc(classId)) : 0;
  const { saturation, value } = TONES[Math.floor(id / HUES) % TONES.length] ?? TONES[0];
  return fromHsv((FIRST_HUE + id * HUE_STEP) % 360, saturation, value);
}

/** Black or white, whichever is easier to read on it. */
export function contrastTo(colour: Colour): Colour {
  const [red, green, blue] = colour.map(linear) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > BRIGHT ? BLACK : WHITE;
}

/** Of sRGB (IEC 61966-2-1). */
function linear(level: number): number {
  const share = level / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

/** @param hue degrees */
function fromHsv(hue: number, saturation: number, value: number): Colour {
  const channel = (offset: number): number => {
    const sector = (offset + hue / 60) % 6;
    const dip = Math.max(0, Math.min(sector, 4 - sector, 1));
    return Math.round(255 * value * (1 - saturation * dip));
  };
  return [channel(5), channel(3), channel(1)];
}
