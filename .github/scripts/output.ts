import { appendFileSync } from 'node:fs';

/** Prints a value and, in a workflow, makes it an output of the step. */
export function setOutput(name: string, value: string): void {
  const line = `${name}=${value.replaceAll('\n', ' ')}\n`;
  process.stdout.write(line);
  const file = process.env['GITHUB_OUTPUT'];
  if (file !== undefined && file !== '') appendFileSync(file, line);
}
