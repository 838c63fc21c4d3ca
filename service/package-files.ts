import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The folder of this package, from wherever this file is run: built, or as it is, by the tests. */
export const PACKAGE_ROOT = dirname(createRequire(import.meta.url).resolve('#package'));

/** The models that come with this package. */
export const OWN_MODELS = join(PACKAGE_ROOT, 'service/models');

/** The page at / and all that belongs to it, as it is sent to browsers. */
export const PLAYGROUND = join(PACKAGE_ROOT, 'service/playground');

/** A file of the service as it is built. Threads and processes run nothing else: they cannot load TypeScript. */
export function builtFile(path: string): string {
  return join(PACKAGE_ROOT, 'dist/service', path);
}
