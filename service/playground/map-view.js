// @ts-check
import { colourOf } from './colours.js';
import { el } from './dom.js';
import { counted, percent } from './format.js';
import { decoded, levelsOf, paint } from './masks.js';
import { swatch } from './objects-view.js';

/** What is no object of its own is not coloured; as in pictures. */
const BACKGROUND = /^_*(background|unlabell?ed|void)_*$/i;

/**
 * The class of every pixel in colour, and what each takes of the image, by which it can be hidden.
 * @param {readonly import('./service.js').ClassShare[]} classes the largest first
 * @param {string} png base64; pixels are class ids
 * @returns {Promise<import('./answer-view.js').View>}
 */
export async function mapView(classes, png) {
  const { canvas, context } = await decoded(png);
  canvas.classList.add('is-whole');
  const levels = levelsOf(context);
  const shown = new Set(
    classes.filter(({ label }) => !BACKGROUND.test(label)).map(({ class_id }) => class_id),
  );
  const repaint = () => paint(context, levels, (level) => (shown.has(level) ? colourOf(level) : undefined));
  const rows = classes.map((each) =>
    rowOf(each, shown.has(each.class_id), (isShown) => {
      if (isShown) shown.add(each.class_id);
      else shown.delete(each.class_id);
      repaint();
    }),
  );
  repaint();
  const [largest] = classes.filter(({ class_id }) => shown.has(class_id));
  return {
    headline: largest?.label ?? classes[0]?.label ?? 'Nothing',
    detail: `${percent((largest ?? classes[0])?.share ?? 0)} of the image; ${counted(classes.length, 'class').replace(/classs$/, 'classes')} in all`,
    body: [el('ul', { className: 'objects scroll', tabIndex: 0, 'aria-label': 'Classes' }, ...rows)],
    layers: [canvas],
  };
}

/**
 * @param {import('./service.js').ClassShare} found
 * @param {boolean} isShown
 * @param {(isShown: boolean) => void} onChange
 */
function rowOf({ label, class_id, share }, isShown, onChange) {
  const input = el('input', { type: 'checkbox', checked: isShown });
  input.addEventListener('change', () => onChange(input.checked));
  return el(
    'li',
    {},
    el(
      'label',
      { className: 'map-row' },
      input,
      swatch(class_id),
      el('span', { className: 'bar-label', textContent: label, title: label }),
      el('span', { className: 'bar-value', textContent: percent(share) }),
    ),
  );
}
