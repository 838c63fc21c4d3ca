import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { emptyFolder } from './folder.js';

/** Tools that remember: see the script `stand-ins`. */
export class StandIns {
  readonly bin = emptyFolder();
  private readonly state = join(this.bin, 'state');

  constructor(...names: readonly string[]) {
    mkdirSync(this.state);
    for (const name of names) symlinkSync(join(import.meta.dirname, 'stand-ins'), join(this.bin, name));
  }

  calls(): string[] {
    const file = join(this.state, 'calls');
    return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  }

  /** @param nth counted from 1 */
  breakCall(when: 'before' | 'after', nth: number): void {
    writeFileSync(join(this.state, `break-${when}`), String(nth));
  }

  mend(): void {
    for (const when of ['before', 'after']) rmSync(join(this.state, `break-${when}`), { force: true });
  }

  remember(kind: string, name: string, value = ''): void {
    mkdirSync(join(this.state, kind), { recursive: true });
    writeFileSync(join(this.state, kind, name.replaceAll('/', '%')), `${value}\n`);
  }

  /** What is remembered of a kind, by name. */
  all(kind: string): Record<string, string> {
    const folder = join(this.state, kind);
    if (!existsSync(folder)) return {};
    return Object.fromEntries(
      readdirSync(folder).map((name) => [
        name.replaceAll('%', '/'),
        readFileSync(join(folder, name), 'utf8').trim(),
      ]),
    );
  }
}
