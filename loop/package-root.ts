import { fileURLToPath } from 'node:url';

/** The folder of package.json, from the sources as from dist/loop. */
export const PACKAGE_ROOT = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '..' : '../..', import.meta.url),
);
