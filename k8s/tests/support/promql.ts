import { parser } from '@prometheus-io/lezer-promql';

type Node = ReturnType<typeof parser.parse>['topNode'];

export interface Matcher {
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

/** One metric that an expression reads. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
}

/** Operators that let through or hold back what they are given. */
const FILTERS = new Set(['And', 'Or', 'Unless', 'Eql', 'Neq', 'Gtr', 'Gte', 'Lss', 'Lte']);

/** The parts of an expression that the grammar does not know. */
export function syntaxErrors(expression: string): string[] {
  return nodes(expression)
    .filter((node) => node.type.isError)
    .map((node) => `at ${node.from}: ${expression.slice(node.from, node.from + 20)}`);
}

/** Every selector of an expression, from left to right. */
export function selectors(expression: string): Selector[] {
  return nodes(expression)
    .filter((node) => node.name === 'VectorSelector')
    .map((node) => ({
      metric: text(expression, node.getChild('Identifier')),
      matchers: (node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []).map(
        (matcher) => ({
          label: text(expression, matcher.getChild('LabelName')),
          operator: text(expression, matcher.getChild('MatchOp')),
          value: text(expression, matcher.getChild('StringLiteral')).slice(1, -1),
        }),
      ),
    }));
}

/** The labels by which an expression groups and joins. */
export function groupingLabels(expression: string): string[] {
  return nodes(expression)
    .filter((node) => node.name === 'LabelName' && node.parent?.name === 'GroupingLabels')
    .map((node) => text(expression, node));
}

/**
 * What an alert measures, without the thresholds that keep it silent: the left side of each comparison, both sides of
 * `and`, `or` and `unless`, and what `absent` looks for.
 */
export function measured(expression: string): string[] {
  const { firstChild } = parser.parse(expression).topNode;
  return firstChild === null ? [] : measuredIn(expression, firstChild);
}

function measuredIn(expression: string, node: Node): string[] {
  const whole = expression.slice(node.from, node.to);
  if (selectors(whole).length === 0) return [];
  const { firstChild, lastChild } = node;
  if (firstChild === null || lastChild === null) return [whole];
  if (node.name === 'ParenExpr') return measuredIn(expression, firstChild);
  const operator = firstChild.nextSibling?.name ?? '';
  if (node.name === 'BinaryExpr' && FILTERS.has(operator)) {
    return [...measuredIn(expression, firstChild), ...measuredIn(expression, lastChild)];
  }
  const argument =
    node.name === 'FunctionCall' && firstChild.firstChild?.name === 'Absent' && lastChild.firstChild;
  return argument ? measuredIn(expression, argument) : [whole];
}

function nodes(expression: string): Node[] {
  const found: Node[] = [];
  parser.parse(expression).iterate({ enter: ({ node }) => void found.push(node) });
  return found;
}

function text(expression: string, node: Node | null): string {
  return node === null ? '' : expression.slice(node.from, node.to);
}
