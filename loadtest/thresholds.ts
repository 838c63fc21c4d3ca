import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Thresholds } from './gates.js';
import { PACKAGE_ROOT } from './package-root.js';

/** The gates of every load test: the one place where they are set. */
export function readThresholds(): Thresholds {
  return JSON.parse(readFileSync(join(PACKAGE_ROOT, 'loadtest/thresholds.json'), 'utf8'));
}
