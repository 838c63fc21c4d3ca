import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What `npm start` in a folder gives to node: its options, then the program by its whole path. */
export function startArguments(folder: string): string[] {
  const { scripts }: { readonly scripts: { readonly start: string } } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  );
  const [, given] = /\bnode (.+)$/.exec(scripts.start) ?? [];
  if (given === undefined) throw new Error(`package.json in ${folder} does not start node`);
  return given.split(' ').map((argument) => (argument.endsWith('.js') ? join(folder, argument) : argument));
}
