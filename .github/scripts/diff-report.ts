/**
 * diff-report.ts FILE: makes Markdown of a diff, which may say anything: of bounded length, without what a reader could be
 * deceived by, in a fence that it cannot leave. Needs Node alone.
 */
import { pathToFileURL } from 'node:url';
import { fenced, plain, readRegular } from './fence.ts';

/** GitHub takes 65,536 of a comment or the text of a pull request, Linux 131,072 bytes of an argument, three a character. */
const MAX_CHARACTERS = 40_000;
const MAX_NAMES = 20;
const HEADING = /^--- (\S+)$/gm;

export function markdownOfDiff(diff: string): string {
  const text = plain(diff, MAX_CHARACTERS);
  if (text.trim() === '') return 'No manifest changes.\n';
  const headings = [...text.matchAll(HEADING)].slice(0, MAX_NAMES);
  const names = headings.map(([, name = '']) => name.replace(/[^\w.-]/g, ''));
  const cut =
    diff.length > MAX_CHARACTERS ? `\nCut after ${MAX_CHARACTERS} of ${diff.length} characters.\n` : '';
  const lines = text.split('\n').filter((line) => /^[+-](?![+-]{2} )/.test(line)).length;
  return `<details><summary>${names.join(', ')}: ${lines} lines change</summary>\n\n${fenced(text, 'diff')}${cut}</details>\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.stdout.write(markdownOfDiff(readRegular(process.argv[2] ?? '', 'diff')));
}
