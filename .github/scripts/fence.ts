/** Text of others in Markdown: without what a reader could be deceived by, in a fence that it cannot leave. Needs Node alone. */
import { lstatSync, readFileSync } from 'node:fs';

const MAX_BYTES = 1 << 24;

/** The text without control characters, and those that turn the direction of writing; cut after so many characters. */
export function plain(text: string, maxCharacters: number): string {
  return text.replace(/[^\n\t\P{C}]/gu, '').slice(0, maxCharacters);
}

/** The plain text in a fence. */
export function fenced(text: string, language = ''): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text.trimEnd()}\n${fence}\n`;
}

/** Not through a link, which could lead to what nobody is to read. Fails with a sentence that has the words. */
export function readRegular(file: string, words: string): string {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (!found?.isFile() || found.size > MAX_BYTES) throw new Error(`there is no ${words}, or a huge one`);
  return readFileSync(file, 'utf8');
}
