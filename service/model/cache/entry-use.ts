import { utimes } from 'node:fs/promises';
import { isErrno } from './private-folder.js';

const STAMP_INTERVAL_MS = 60_000;

/** For how long after its last stamp a model counts as in use, by whichever process: several stamps may be missed. */
export const IN_USE_MS = 10 * 60_000;

/** By folder: until the process ends, since a thread that is lost loads the model again from there. */
const inUse = new Map<string, NodeJS.Timeout>();

/** Sets the time at which a model was last used, which is that of its folder. False where the folder is gone. */
export async function stampUse(folder: string): Promise<boolean> {
  const now = new Date();
  return utimes(folder, now, now).then(
    () => true,
    // A cache that may only be read: nobody removes anything there.
    (thrown: unknown) => !isErrno(thrown, 'ENOENT'),
  );
}

/** Goes on stamping a folder for as long as this process lives, and the folder does. */
export function keepInUse(folder: string): void {
  if (inUse.has(folder)) return;
  const stamp = async (): Promise<void> => {
    if (await stampUse(folder)) return;
    clearInterval(inUse.get(folder));
    inUse.delete(folder);
  };
  inUse.set(folder, setInterval(stamp, STAMP_INTERVAL_MS).unref());
}
