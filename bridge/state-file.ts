import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Static } from 'typebox';
import { messageOf } from '../service/errors.js';
import { compile, Type } from '../service/json-schema.js';
import type { Dispatch } from './decide.js';

const STATE = Type.Object({
  version: Type.Literal(1),
  dispatches: Type.Array(
    Type.Object({
      id: Type.String(),
      model: Type.String(),
      group: Type.String(),
      at: Type.Number({ minimum: 0 }),
      delivery: Type.Union([Type.Literal('accepted'), Type.Literal('unknown')]),
    }),
  ),
});

const validator = compile(STATE);

/** What was dispatched, in a file that is whole at any time. One process uses it at a time. */
export class StateFile {
  readonly #path: string;
  #dispatches: readonly Dispatch[];

  private constructor(path: string, dispatches: readonly Dispatch[]) {
    this.#path = path;
    this.#dispatches = dispatches;
  }

  /**
   * Reads the file, or makes an empty one. Throws a sentence where it is broken, so that nothing is dispatched on a
   * forgotten past, and where it cannot be written.
   * @param now milliseconds since 1970; a dispatch that a wrong clock put after it counts as made now
   */
  static async open(path: string, now: number): Promise<StateFile> {
    const { dispatches } = await readState(path);
    const state = new StateFile(path, []);
    try {
      await state.write(dispatches.map((dispatch) => ({ ...dispatch, at: Math.min(dispatch.at, now) })));
    } catch (error) {
      throw new Error(`STATE_FILE cannot be written: ${messageOf(error)}`, { cause: error });
    }
    return state;
  }

  get dispatches(): readonly Dispatch[] {
    return this.#dispatches;
  }

  /** Rejects where they are not on the disk; what was there before still is. */
  async write(dispatches: readonly Dispatch[]): Promise<void> {
    const beside = `${this.#path}.new`;
    await writeToDisk(beside, `${JSON.stringify({ version: 1, dispatches }, undefined, 2)}\n`);
    await rename(beside, this.#path);
    await syncFolder(dirname(this.#path));
    this.#dispatches = dispatches;
  }
}

async function readState(path: string): Promise<Static<typeof STATE>> {
  const text = await readIfThere(path);
  if (text === undefined) return { version: 1, dispatches: [] };
  const state = parse(text);
  if (!validator.Check(state)) {
    throw new Error(
      `STATE_FILE ${path} is not a state of this version: nothing is dispatched. Removed, the next alert may start a training at once`,
    );
  }
  return state;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`STATE_FILE cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function writeToDisk(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Without it a crash of the machine may bring back the file before. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
