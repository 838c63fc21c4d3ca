/** What a report for people consists of; `markdown.ts` and `html.ts` write it down. Text may have `code` and **bold** in it. */
export type Block =
  | { readonly kind: 'heading' | 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | {
      readonly kind: 'table';
      readonly head: readonly string[];
      readonly rows: readonly (readonly string[])[];
    }
  | { readonly kind: 'chart'; readonly svg: string; readonly markdown: string };

/** Text of others, as code that it cannot leave. */
export function quoted(text: string): string {
  return `\`${text.replaceAll('`', '')}\``;
}
