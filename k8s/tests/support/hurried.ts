import type { Rule, RuleGroup } from './expressions.js';

const MINUTES = { s: 1 / 60, m: 1, h: 60, d: 1440 } as const;

/** The same groups, with a minute of theirs as so many seconds: `for` and all ranges. Thresholds and counts stay. */
export function hurried(groups: readonly RuleGroup[], secondsOfMinute: number): RuleGroup[] {
  const shorten = (duration: string): string => {
    const [, amount, unit] = /^(\d+)([smhd])$/.exec(duration) ?? [];
    return `${Math.round(Number(amount) * MINUTES[unit as keyof typeof MINUTES] * secondsOfMinute)}s`;
  };
  const hurry = (rule: Rule): Rule => ({
    ...rule,
    expr: rule.expr.replace(/\[(\d+[smhd])\]/g, (_, range: string) => `[${shorten(range)}]`),
    ...(rule.for !== undefined && { for: shorten(rule.for) }),
  });
  return groups.map((group) => ({ ...group, rules: group.rules.map(hurry) }));
}
