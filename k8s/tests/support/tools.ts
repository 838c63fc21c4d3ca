import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Where k8s/tests/tools/install puts what it installs. */
export const TOOLS_DIR =
  process.env['CV_TOOLS_DIR'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'cv-inference', 'tools', 'bin');

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The path of a tool, or undefined where it is absent. */
export function tool(name: string): string | undefined {
  const folders = [TOOLS_DIR, ...(process.env['PATH'] ?? '').split(delimiter)];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** The path of a tool that must be there by now. */
export function requiredTool(name: string): string {
  const path = tool(name);
  if (path === undefined) throw new Error(`${name} is not there: k8s/tests/tools/install installs it`);
  return path;
}

/** For `describe.skipIf`: whether one of the tools is absent, which it then says, and how to get it. */
export function absent(...names: readonly string[]): boolean {
  const missing = names.filter((name) => tool(name) === undefined);
  if (missing.length === 0) return false;
  process.stderr.write(`skipped, for want of ${missing.join(', ')}: k8s/tests/tools/install installs them\n`);
  return true;
}
