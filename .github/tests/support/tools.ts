import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { TOOLS_DIR, tool } from '../../../k8s/tests/support/tools.js';

export const GROOVY_JAR = join(TOOLS_DIR, 'groovy.jar');

/** For `describe.skipIf`: whether one of the tools is absent, which it then says, and how to get it. */
export function absent(...names: readonly string[]): boolean {
  const missing = names.filter((name) =>
    name === 'groovy' ? !existsSync(GROOVY_JAR) : tool(name) === undefined,
  );
  if (missing.length === 0) return false;
  process.stderr.write(
    `skipped, for want of ${missing.join(', ')}: .github/tests/tools/install installs what it can\n`,
  );
  return true;
}
