import { randomSource } from '../service/bench/random-source.js';
import { quantile } from '../service/bench/statistics.js';
import type { Score } from './score.js';

/** What a candidate loses against the original on the same images. */
export interface Loss {
  /** Of 100; below 0 it gains. */
  readonly points: number;
  /** Where it lies with 95 % confidence. */
  readonly from: number;
  readonly to: number;
  /** Of 100. */
  readonly original: number;
  readonly candidate: number;
  readonly images: number;
  readonly method: 'Newcombe' | 'bootstrap';
}

/** Of the normal distribution: 95 % lie within so many standard deviations. */
const Z = 1.959964;
const RESAMPLES = 2000;
const SEED = 1;
/** Of fewer images the bootstrap tells too little of those that were not seen. */
const LEAST_FOR_BOOTSTRAP = 30;

/** Scores of the same images in the same order. NaN of nothing that could be gained. */
export function lossOf(original: readonly Score[], candidate: readonly Score[]): Loss {
  const [before, after] = [shareOf(original), shareOf(candidate)];
  const isBinary = [...original, ...candidate].every(
    ({ gained, possible }) => possible === 1 && gained % 1 === 0,
  );
  const same = original.every(
    (score, index) =>
      score.gained * (candidate[index]?.possible ?? 0) === score.possible * (candidate[index]?.gained ?? 0),
  );
  const isFew = original.length < LEAST_FOR_BOOTSTRAP;
  const method = isBinary || same || isFew ? 'Newcombe' : 'bootstrap';
  const [from, to] =
    method === 'Newcombe' ? pairedInterval(original, candidate) : bootstrap(original, candidate);
  const points = 100 * (before - after);
  return {
    points,
    from: 100 * from,
    to: 100 * to,
    original: 100 * before,
    candidate: 100 * after,
    images: original.length,
    method,
  };
}

/** As many images as it takes to show that no more than so many points are lost, where none is. */
export function imagesFor(points: number): number {
  const share = points / 100;
  return share === 0 ? Number.POSITIVE_INFINITY : Math.ceil((Z * Z * (1 - share)) / share);
}

function shareOf(scores: readonly Score[]): number {
  const sum = (pick: (score: Score) => number): number =>
    scores.reduce((total, score) => total + pick(score), 0);
  return sum(({ gained }) => gained) / sum(({ possible }) => possible);
}

/**
 * The difference of two shares that were measured on the same images: Newcombe, Improved confidence intervals for the
 * difference between binomial proportions based on paired data, Statistics in Medicine 17, 1998, method 10, on Wilson's
 * intervals. It is honest where nothing differs. Parts of an image count as parts of a hit, which makes it wider.
 */
function pairedInterval(original: readonly Score[], candidate: readonly Score[]): [number, number] {
  const n = original.length;
  const part = (score: Score | undefined): number =>
    score === undefined || score.possible === 0 ? 1 : score.gained / score.possible;
  const pairs = original.map((score, index) => [part(score), part(candidate[index])] as const);
  const mean = (of: (pair: readonly [number, number]) => number): number =>
    pairs.reduce((sum, pair) => sum + of(pair), 0) / n;
  const [p1, p2, both] = [
    mean(([one]) => one),
    mean(([, other]) => other),
    mean(([one, other]) => one * other),
  ];
  const neither = 1 - p1 - p2 + both;
  const [l1, u1] = wilson(p1, n);
  const [l2, u2] = wilson(p2, n);
  const spread = Math.sqrt(p1 * (1 - p1) * p2 * (1 - p2));
  const product = both * neither - (p1 - both) * (p2 - both);
  const phi = spread < 1e-12 ? 0 : (product > 0 ? Math.max(0, product - 1 / (2 * n)) : product) / spread;
  const width = (a: number, b: number): number => Math.sqrt(Math.max(0, a * a - 2 * phi * a * b + b * b));
  const difference = p1 - p2;
  return [difference - width(p1 - l1, u2 - p2), difference + width(u1 - p1, p2 - l2)];
}

/** Wilson, Probable inference, Journal of the American Statistical Association 22, 1927. */
function wilson(share: number, n: number): [number, number] {
  const middle = (share + (Z * Z) / (2 * n)) / (1 + (Z * Z) / n);
  const half = (Z / (1 + (Z * Z) / n)) * Math.sqrt((share * (1 - share)) / n + (Z * Z) / (4 * n * n));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

/** Images drawn with repetition (Efron and Tibshirani, 1993, chapter 13); the same for the same scores. */
function bootstrap(original: readonly Score[], candidate: readonly Score[]): [number, number] {
  const random = randomSource(SEED);
  const losses = Array.from({ length: RESAMPLES }, () => {
    let [gained, possible, otherGained, otherPossible] = [0, 0, 0, 0];
    for (let draw = 0; draw < original.length; draw++) {
      const at = Math.floor(random() * original.length);
      gained += original[at]?.gained ?? 0;
      possible += original[at]?.possible ?? 0;
      otherGained += candidate[at]?.gained ?? 0;
      otherPossible += candidate[at]?.possible ?? 0;
    }
    return gained / possible - otherGained / otherPossible;
  });
  return [quantile(losses, 0.025), quantile(losses, 0.975)];
}
