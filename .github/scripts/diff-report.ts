/**
 * diff-report.ts FILE: makes Markdown of a diff, which may say anything: of bounded length, without what a reader could be
 * deceived by, in a fence that it cannot leave. Needs Node alone.
 */
import { lstatSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** GitHub takes 65,536 of a comment or the text of a pull request, Linux 131,072 bytes of an argument, three a character. */
const MAX_CHARACTERS = 40_000;
const MAX_BYTES = 1 << 24;
const MAX_NAMES = 20;
const HEADING = /^--- (\S+)$/gm;

export function markdownOfDiff(diff: string): string {
  // Control characters, and those that turn the direction of writing.
  const text = diff.replace(/[^\n\t\P{C}]/gu, '').slice(0, MAX_CHARACTERS);
  if (text.trim() === '') return 'No manifest changes.\n';
  const headings = [...text.matchAll(HEADING)].slice(0, MAX_NAMES);
  const names = headings.map(([, name = '']) => name.replace(/[^\w.-]/g, ''));
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  const cut =
    diff.length > MAX_CHARACTERS ? `\nCut after ${MAX_CHARACTERS} of ${diff.length} characters.\n` : '';
  const lines = text.split('\n').filter((line) => /^[+-](?![+-]{2} )/.test(line)).length;
  return `<details><summary>${names.join(', ')}: ${lines} lines change</summary>\n\n${fence}diff\n${text.trimEnd()}\n${fence}\n${cut}</details>\n`;
}

/** Not through a link, which could lead to what nobody is to read. */
function read(file: string): string {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (!found?.isFile() || found.size > MAX_BYTES) throw new Error('there is no diff, or a huge one');
  return readFileSync(file, 'utf8');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.stdout.write(markdownOfDiff(read(process.argv[2] ?? '')));
}
