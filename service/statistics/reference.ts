import type { Static } from 'typebox';
import { closed, Type } from '../json-schema.js';
import { FEATURES, type FeatureName } from './features.js';

/** Shares are rounded, and there are some twenty of them. */
const SUM_TOLERANCE = 0.01;

const share = (description?: string) =>
  Type.Number({ minimum: 0, maximum: 1, ...(description !== undefined && { description }) });

const DistributionSchema = Type.Object(
  {
    buckets: Type.Array(Type.Number(), { minItems: 1, maxItems: 100 }),
    share: Type.Array(share(), { minItems: 2, maxItems: 101 }),
  },
  closed,
);

/** What a model's training pictures and its answers to them are like: what drift is measured against. */
export const ReferenceSchema = Type.Object(
  {
    images: Type.Integer({ minimum: 1, description: 'how many it was made of' }),
    features: Type.Record(Type.String(), DistributionSchema, {
      description: `by name (${Object.keys(FEATURES).join(', ')}): \`{"buckets": [upper edges], "share": [of the pictures in each, one more for what is above]}\``,
    }),
    labels: Type.Optional(
      Type.Record(Type.String(), share(), { description: 'share of each label among the answers' }),
    ),
  },
  {
    ...closed,
    description: 'written by `cv-inference reference`; what drift is measured against: metrics.md',
  },
);

export type Reference = Static<typeof ReferenceSchema>;
type Distribution = Static<typeof DistributionSchema>;

/** What a schema cannot say: what is wrong, and where; undefined where nothing is. */
export function referenceFault({ features }: Reference): string | undefined {
  for (const [name, { buckets, share }] of Object.entries(features)) {
    const at = `/reference/features/${name}`;
    if (!Object.hasOwn(FEATURES, name)) return `${at} must be one of ${Object.keys(FEATURES).join(', ')}`;
    if (buckets.some((edge, index) => edge <= (buckets[index - 1] ?? Number.NEGATIVE_INFINITY)))
      return `${at}/buckets must ascend`;
    if (share.length !== buckets.length + 1) return `${at}/share must have one number more than buckets`;
    if (Math.abs(share.reduce((sum, each) => sum + each, 0) - 1) > SUM_TOLERANCE)
      return `${at}/share must add up to 1`;
  }
  return undefined;
}

/** Of the features whose edges are those that production is counted by, and the names of the others. */
export function comparable({ features }: Reference): {
  readonly usable: readonly (readonly [FeatureName, Distribution])[];
  readonly others: readonly string[];
} {
  const all = Object.entries(features) as [FeatureName, Distribution][];
  const isUsable = ([name, { buckets }]: readonly [FeatureName, Distribution]): boolean =>
    FEATURES[name].buckets.join() === buckets.join();
  return {
    usable: all.filter(isUsable),
    others: all.filter((each) => !isUsable(each)).map(([name]) => name),
  };
}
