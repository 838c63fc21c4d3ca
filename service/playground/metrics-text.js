// @ts-check

/**
 * The text format of Prometheus, as far as this page reads it.
 * @typedef {{ name: string, labels: Readonly<Record<string, string>>, value: number }} Line
 */

/**
 * @param {string} text
 * @returns {Line[]}
 */
export function readMetrics(text) {
  return text.split('\n').flatMap((line) => {
    const [, name = '', labels = '', value] = /^([\w:]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    return name === '' ? [] : [{ name, labels: readLabels(labels), value: numberOf(value) }];
  });
}

/** @param {string} text */
function readLabels(text) {
  const pairs = [...text.matchAll(/([\w]+)="((?:[^"\\]|\\.)*)"/g)];
  return Object.fromEntries(pairs.map(([, name, value]) => [name, value]));
}

/** @param {string | undefined} text */
function numberOf(text) {
  return text === '+Inf' ? Infinity : Number(text);
}

/**
 * What the lines of a name come to together, of those whose labels are as wanted.
 * @param {readonly Line[]} lines
 * @param {string} name
 * @param {Readonly<Record<string, string>>} [wanted]
 */
export function sumOf(lines, name, wanted = {}) {
  const matching = lines.filter((line) => line.name === name && hasLabels(line, wanted));
  return matching.reduce((sum, { value }) => sum + value, 0);
}

/**
 * @param {Line} line
 * @param {Readonly<Record<string, string>>} wanted
 */
function hasLabels({ labels }, wanted) {
  return Object.entries(wanted).every(([label, value]) => labels[label] === value);
}

/**
 * Counts below each edge of a histogram.
 * @param {readonly Line[]} lines
 * @param {string} name
 * @param {Readonly<Record<string, string>>} wanted
 * @returns {Map<number, number>}
 */
export function bucketsOf(lines, name, wanted) {
  /** @type {Map<number, number>} */
  const buckets = new Map();
  for (const line of lines) {
    if (line.name !== `${name}_bucket` || !hasLabels(line, wanted)) continue;
    const edge = numberOf(line.labels['le']);
    buckets.set(edge, (buckets.get(edge) ?? 0) + line.value);
  }
  return buckets;
}

/**
 * As histogram_quantile of Prometheus: even within a bucket. Undefined where nothing was counted.
 * @param {ReadonlyMap<number, number>} buckets counts below each edge
 * @param {number} share 0 to 1
 */
export function quantile(buckets, share) {
  const edges = [...buckets].sort(([one], [other]) => one - other);
  const total = edges.at(-1)?.[1] ?? 0;
  if (total <= 0) return undefined;
  const rank = share * total;
  let lower = { edge: 0, count: 0 };
  for (const [edge, count] of edges) {
    if (count >= rank) {
      if (edge === Infinity) return lower.edge;
      const inside = count - lower.count;
      return lower.edge + (inside === 0 ? 0 : (edge - lower.edge) * ((rank - lower.count) / inside));
    }
    lower = { edge, count };
  }
  return lower.edge;
}

/**
 * What was counted between two looks.
 * @param {ReadonlyMap<number, number>} later
 * @param {ReadonlyMap<number, number>} earlier
 */
export function difference(later, earlier) {
  return new Map([...later].map(([edge, count]) => [edge, count - (earlier.get(edge) ?? 0)]));
}
