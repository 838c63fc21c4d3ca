import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { OWN_MODELS } from '../package-files.js';

/** A value of MODEL_URI for what was typed as MODEL: that, or the name of a model that comes with this package. */
export function modelUri(typed: string): string {
  const own = join(OWN_MODELS, typed);
  const isOwn = /^[\w-]+$/.test(typed) && !existsSync(typed) && existsSync(own);
  return isOwn ? own : typed;
}
