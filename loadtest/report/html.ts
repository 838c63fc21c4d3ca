import type { Block } from './blocks.js';

const STYLE = `
  :root { color-scheme: light dark; }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
  th, td { padding: 0.25rem 0.75rem; border-bottom: 1px solid #8888; text-align: left; }
  svg { max-width: 100%; height: auto; }`;

/** One file that needs no other. */
export function htmlOf(blocks: readonly Block[]): string {
  const title = blocks.find(({ kind }) => kind === 'heading');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title?.kind === 'heading' ? escaped(title.text) : ''}</title>
<style>${STYLE}
</style>
</head>
<body>
${blocks.map(elementOf).join('\n')}
</body>
</html>
`;
}

function elementOf(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `<h1>${inline(block.text)}</h1>`;
    case 'text':
      return `<p>${inline(block.text)}</p>`;
    case 'list':
      return `<ul>${block.items.map((item) => `<li>${inline(item)}</li>`).join('')}</ul>`;
    case 'table':
      return `<table>${[row('th', block.head), ...block.rows.map((cells) => row('td', cells))].join('\n')}</table>`;
    case 'chart':
      return block.svg;
  }
}

function row(tag: 'th' | 'td', cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<${tag}>${inline(cell)}</${tag}>`).join('')}</tr>`;
}

function inline(text: string): string {
  return escaped(text)
    .replace(/`([^`]*)`/g, '<code>$1</code>')
    .replace(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>');
}

export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
