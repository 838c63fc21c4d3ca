import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';

/** A new folder that is gone when the process ends, however it ends, or when `remove` is called. */
export async function ownFolder(prefix: string): Promise<{ readonly path: string; remove(): void }> {
  const path = await mkdtemp(prefix);
  const remove = (): void => rmSync(path, { recursive: true, force: true });
  process.once('exit', remove);
  return {
    path,
    remove() {
      process.off('exit', remove);
      remove();
    },
  };
}
