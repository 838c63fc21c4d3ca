import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Children } from './children.js';
import { PACKAGE_ROOT } from './package-root.js';

export interface Picture {
  readonly data: Uint8Array<ArrayBuffer>;
  /** What it shows. */
  readonly label: string;
}

export type Kind = 'ordinary' | 'drifted' | 'black';

/** Has pictures made by pictures.py. */
export class PictureMaker {
  readonly #children: Children;
  readonly #python: string;
  readonly #folder: string;
  #made = 0;

  constructor(children: Children, python: string, folder: string) {
    this.#children = children;
    this.#python = python;
    this.#folder = folder;
  }

  /** None is made twice. */
  async make(kind: Kind, count: number): Promise<Picture[]> {
    const first = this.#made;
    this.#made += count;
    const name = `pictures-${kind}-${first}`;
    const folder = join(this.#folder, name);
    await this.#children.run({
      name,
      program: this.#python,
      args: [join(PACKAGE_ROOT, 'loop/pictures.py'), kind, String(count), String(first), folder],
      environment: { OMP_NUM_THREADS: '1' },
    });
    const lines = readFileSync(join(folder, 'labels.csv'), 'utf8').trim().split('\n');
    return lines.map((line) => {
      const [file = '', label = ''] = line.split(',');
      return { data: new Uint8Array(readFileSync(join(folder, file))), label };
    });
  }
}
