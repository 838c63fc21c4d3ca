// @ts-check

/** As service/drawing/colours.ts, so that a class has one colour here and in pictures; a test holds the two to each other. */
const HUE_STEP = 137.508;
const FIRST_HUE = 345;
const HUES = 8;
const TONES = [
  { saturation: 0.85, value: 1 },
  { saturation: 0.9, value: 0.7 },
  { saturation: 0.45, value: 1 },
];
const BRIGHT = 0.179;

/** @typedef {readonly [red: number, green: number, blue: number]} Colour 8 bits each */

/**
 * @param {number} classId
 * @returns {Colour}
 */
export function colourOf(classId) {
  const id = Math.abs(Math.trunc(classId));
  const { saturation, value } = TONES[Math.floor(id / HUES) % TONES.length] ?? { saturation: 1, value: 1 };
  const hue = (FIRST_HUE + id * HUE_STEP) % 360;
  /** @param {number} offset */
  const channel = (offset) => {
    const sector = (offset + hue / 60) % 6;
    const dip = Math.max(0, Math.min(sector, 4 - sector, 1));
    return Math.round(255 * value * (1 - saturation * dip));
  };
  return [channel(5), channel(3), channel(1)];
}

/** @param {number} classId */
export function cssColour(classId) {
  return `rgb(${colourOf(classId).join(' ')})`;
}

/**
 * Black or white, whichever is easier to read on the colour of a class.
 * @param {number} classId
 */
export function cssContrast(classId) {
  const [red, green, blue] = colourOf(classId);
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue) > BRIGHT ? '#000' : '#fff';
}

/** @param {number} level of sRGB */
function linear(level) {
  const share = level / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}
