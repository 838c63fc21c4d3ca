// @ts-check
import { colourOf, cssColour, cssContrast } from './colours.js';
import { el, svg } from './dom.js';
import { counted, percent } from './format.js';
import { paintedPng } from './masks.js';

/** @typedef {import('./service.js').Prediction} Prediction */
/** @typedef {{ width: number, height: number }} Size */
/** @typedef {readonly (readonly [string, string])[]} Skeleton names of points with a line between them */

/** Of more objects the labels would cover the image; they are shown for the one that is pointed at. */
const MAX_LABELLED = 40;
/** Points that are less sure to be seen are guesses; as in pictures. */
const LEAST_DRAWN_SCORE = 0.25;
/** How large a point is: so many radii across the image at least and at most, and across its object. */
const MOST_DOTS_ACROSS = 150;
const LEAST_DOTS_ACROSS = 500;
const DOTS_ACROSS_OBJECT = 14;

/**
 * Objects: boxes, masks and points over the image, and a list of them.
 * @param {readonly Prediction[]} predictions best first
 * @param {Size} size of the image
 * @param {Skeleton} skeleton
 * @returns {Promise<import('./answer-view.js').View>}
 */
export async function objectsView(predictions, size, skeleton) {
  const groups = predictions.map((object) =>
    svg('g', { class: 'object' }, ...shapesOf(object, size, skeleton)),
  );
  const tags = predictions.map((object) => tagOf(object, size));
  const masks = await Promise.all(predictions.map((object) => maskOf(object, size)));
  const rows = predictions.map(rowOf);
  const parts = predictions.map((_, at) => [groups[at], tags[at], masks[at], rows[at]]);
  for (const [at, row] of rows.entries()) {
    row.addEventListener('pointerenter', () => light(parts, at));
    row.addEventListener('pointerleave', () => light(parts, undefined));
  }
  const overlay = svg(
    'svg',
    { viewBox: `0 0 ${size.width} ${size.height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    ...groups.toReversed(),
  );
  const labels = el('div', { className: 'tags', 'aria-hidden': 'true' }, ...tags);
  labels.classList.toggle('is-crowded', predictions.length > MAX_LABELLED);
  const list = el('ol', { className: 'objects scroll', tabIndex: 0, 'aria-label': 'Objects' }, ...rows);
  return {
    headline: predictions.length === 0 ? 'Nothing' : counted(predictions.length, 'object'),
    detail: predictions.length === 0 ? 'No object reaches the threshold.' : countsOf(predictions),
    body: predictions.length === 0 ? [] : [list],
    layers: [...masks.flatMap((mask) => (mask === undefined ? [] : [mask])), overlay, labels],
  };
}

/** @param {readonly Prediction[]} predictions */
function countsOf(predictions) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { label } of predictions) counts.set(label, (counts.get(label) ?? 0) + 1);
  if (counts.size === 1) return [...counts.keys()].join('');
  const most = [...counts].sort(([, one], [, other]) => other - one);
  const shown = most.slice(0, 6).map(([label, count]) => (count === 1 ? label : `${label} ×${count}`));
  return shown.join(', ') + (most.length > shown.length ? ', …' : '');
}

/**
 * @param {Prediction} object
 * @param {Size} size
 * @param {Skeleton} skeleton
 */
function shapesOf({ box, points = [], class_id }, size, skeleton) {
  const colour = cssColour(class_id);
  const seen = new Map(
    points.filter(({ score = 1 }) => score >= LEAST_DRAWN_SCORE).map((point) => [point.name, point]),
  );
  const lines = skeleton.flatMap(([one, other]) => {
    const [from, to] = [seen.get(one), seen.get(other)];
    if (from === undefined || to === undefined) return [];
    return [svg('line', { class: 'bone', x1: from.x, y1: from.y, x2: to.x, y2: to.y, stroke: colour })];
  });
  const r = radiusOf(box, size);
  const dots = [...seen.values()].map(({ name, x: cx, y: cy }) =>
    svg('circle', { class: 'dot', cx, cy, r, fill: colour }, svg('title', {}, name)),
  );
  return [...(box === undefined ? [] : outlines(box, colour)), ...lines, ...dots];
}

/**
 * Of points, pixels of the image: small enough for the object, large enough to be seen.
 * @param {import('./service.js').Box | undefined} box
 * @param {Size} size
 */
function radiusOf(box, { width, height }) {
  const side = Math.max(width, height);
  const most = side / MOST_DOTS_ACROSS;
  if (box === undefined) return most;
  return Math.min(most, Math.max(side / LEAST_DOTS_ACROSS, (box.x_max - box.x_min) / DOTS_ACROSS_OBJECT));
}

/**
 * @param {import('./service.js').Box} box
 * @param {string} stroke
 */
function outlines({ x_min, y_min, x_max, y_max }, stroke) {
  const rectangle = { x: x_min, y: y_min, width: x_max - x_min, height: y_max - y_min };
  return [
    svg('rect', { ...rectangle, class: 'box-edge' }),
    svg('rect', { ...rectangle, class: 'box', stroke }),
  ];
}

/**
 * @param {Prediction} object
 * @param {Size} size
 */
function tagOf({ label, score, class_id, box }, { width, height }) {
  const tag = el('span', { className: 'tag', textContent: `${label} ${percent(score)}` });
  tag.style.background = cssColour(class_id);
  tag.style.color = cssContrast(class_id);
  if (box === undefined) return tag;
  tag.style.left = `${(box.x_min / width) * 100}%`;
  tag.style.top = `${(box.y_min / height) * 100}%`;
  tag.classList.toggle('is-inside', box.y_min / height < 0.06);
  return tag;
}

/**
 * @param {Prediction} object
 * @param {Size} size
 */
async function maskOf({ mask, class_id }, { width, height }) {
  if (mask === undefined) return undefined;
  const colour = colourOf(class_id);
  const canvas = await paintedPng(mask.png, (level) => (level === 0 ? undefined : colour));
  const { x_min, y_min, x_max, y_max } = mask.box;
  Object.assign(canvas.style, {
    left: `${(x_min / width) * 100}%`,
    top: `${(y_min / height) * 100}%`,
    width: `${((x_max - x_min) / width) * 100}%`,
    height: `${((y_max - y_min) / height) * 100}%`,
  });
  return canvas;
}

/** @param {Prediction} object */
function rowOf({ label, score, class_id, area, points }) {
  const extras = [
    area !== undefined && `${area.toLocaleString('en')} px`,
    points !== undefined && counted(points.length, 'point'),
  ].filter(Boolean);
  return el(
    'li',
    {},
    swatch(class_id),
    el('span', { className: 'bar-label', textContent: label, title: label }),
    el('span', { className: 'hint', textContent: extras.join(', ') }),
    el('span', { className: 'bar-value', textContent: percent(score) }),
  );
}

/** @param {number} classId */
export function swatch(classId) {
  const square = el('span', { className: 'swatch', 'aria-hidden': 'true' });
  square.style.background = cssColour(classId);
  return square;
}

/**
 * @param {readonly (readonly (Element | undefined)[])[]} parts of each object
 * @param {number | undefined} lit
 */
function light(parts, lit) {
  for (const [at, elements] of parts.entries()) {
    for (const element of elements) {
      element?.classList.toggle('is-lit', at === lit);
      element?.classList.toggle('is-dim', lit !== undefined && at !== lit);
    }
  }
}
