import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TOOLS_DIR } from './tools.js';

/** A project whose manifests k8s/tests/tools/install has fetched. */
export interface Source {
  readonly name: string;
  readonly version: string;
  /** Its folders lie under this one as they do in its repository. */
  readonly root: string;
  /** The folder that was taken from it. */
  readonly folder: string;
}

export function listSources(): Source[] {
  const table = readFileSync(join(import.meta.dirname, '../tools/sources'), 'utf8');
  const rows = table.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return rows.map((row) => {
    const [name = '', , version = '', folder = ''] = row.split(/\s+/);
    return { name, version, folder, root: join(TOOLS_DIR, 'sources', `${name}@${version}`) };
  });
}

/** For `describe.skipIf`: whether a project's manifests are absent, which it then says. */
export function sourcesAbsent(): boolean {
  const missing = listSources().filter(({ root }) => !existsSync(root));
  if (missing.length === 0) return false;
  const names = missing.map(({ name, version }) => `${name}@${version}`).join(', ');
  process.stderr.write(`skipped, for want of ${names}: k8s/tests/tools/install installs them\n`);
  return true;
}
