/** Lines of a Markdown table. */
export function row(...cells: readonly (string | number)[]): void {
  console.log(`| ${cells.join(' | ')} |`);
}

export function tableHead(...cells: readonly string[]): void {
  console.log();
  row(...cells);
  row(...cells.map(() => '---'));
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
