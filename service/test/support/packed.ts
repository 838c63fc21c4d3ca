import { execFileSync } from 'node:child_process';
import { cp, mkdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../..');
/** What the package is made of: nothing that an earlier build has left. */
const SOURCES = [
  '.npmrc',
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'service',
  'loadtest',
  '.github/scripts',
];

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
}

/** Packs what is checked out, in a copy of it, as `npm run package` does. @returns the file */
export async function packCheckout(folder: string): Promise<string> {
  const copy = join(folder, 'checkout');
  for (const source of SOURCES) await cp(join(ROOT, source), join(copy, source), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  const args = ['run', '--silent', 'package', '--', '--silent', '--pack-destination', folder];
  const output = execFileSync('npm', args, {
    cwd: copy,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return join(folder, output.trim().split('\n').at(-1) ?? '');
}

/**
 * Installs a packed package into a folder as npm would without a registry: its own files, its command, and links to what
 * it depends on at run time, of which nothing else can be reached.
 * @returns the command
 */
export async function installPacked(file: string, folder: string): Promise<string> {
  const modules = join(folder, 'node_modules');
  const own = join(modules, 'cv-inference');
  await mkdir(own, { recursive: true });
  execFileSync('tar', ['xzf', file, '-C', own, '--strip-components=1']);
  const { packages } = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
  for (const [path, { dev }] of Object.entries(packages)) {
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1];
    if (name === undefined || dev === true) continue;
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(ROOT, path), join(modules, name));
  }
  const { bin } = JSON.parse(await readFile(join(own, 'package.json'), 'utf8')) as {
    readonly bin: Readonly<Record<string, string>>;
  };
  return join(own, bin['cv-inference'] ?? '');
}
