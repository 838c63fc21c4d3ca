const MAX_LINE = 100;

/** JSON with two spaces of indent, and what fits on a line on one: as training writes model.json. */
export function formatJson(value: unknown, indent = ''): string {
  const flat = flatJson(value);
  if (typeof value !== 'object' || value === null) return flat;
  if (flat.length + indent.length <= MAX_LINE) return flat;
  const deeper = `${indent}  `;
  if (Array.isArray(value))
    return block(
      '[]',
      value.map((item) => formatJson(item, deeper)),
      indent,
    );
  const pairs = Object.entries(value).map(
    ([key, item]) => `${JSON.stringify(key)}: ${formatJson(item, deeper)}`,
  );
  return block('{}', pairs, indent);
}

function flatJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flatJson).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}: ${flatJson(item)}`)
    .join(', ')}}`;
}

function block([open, close]: string, lines: readonly string[], indent: string): string {
  return `${open}\n${lines.map((line) => `${indent}  ${line}`).join(',\n')}\n${indent}${close}`;
}
