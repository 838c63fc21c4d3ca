import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TOOLS_DIR, tool } from '../k8s/tests/support/tools.js';
import { PACKAGE_ROOT } from './package-root.js';

const BUILD_TIMEOUT_MS = 900_000;
const INSTALL_TOOLS = 'k8s/tests/tools/install brings it (Go and some minutes needed)';

/** The paths of all that the loop starts beside what is built here. */
export interface Programs {
  readonly prometheus: string;
  readonly alertmanager: string;
  readonly s3: string;
  readonly git: string;
  readonly mlflow: string;
  /** Python with what training needs. */
  readonly python: string;
}

/** The S3 server of .ci/strict-s3, in its version; STRICT_S3_CACHE is that script's. */
function s3Path(): { readonly version: string; readonly path: string } {
  const script = readFileSync(join(PACKAGE_ROOT, '.ci/strict-s3'), 'utf8');
  const version = /^readonly VERSION=(\S+)$/m.exec(script)?.[1];
  if (version === undefined) throw new Error('.ci/strict-s3 names no VERSION of versitygw');
  const cache = process.env['STRICT_S3_CACHE'] ?? join(TOOLS_DIR, '../../versitygw');
  return { version, path: join(cache, version, 'versitygw') };
}

/** Built with Go, once; undefined where there is no Go. */
function s3Server(say: (text: string) => void): string | undefined {
  const { version, path } = s3Path();
  if (existsSync(path)) return path;
  const go = tool('go');
  if (go === undefined) return undefined;
  say(`building versitygw ${version}, the S3 server, once`);
  const bin = join(path, '..');
  mkdirSync(bin, { recursive: true });
  execFileSync(go, ['install', `github.com/versity/versitygw/cmd/versitygw@${version}`], {
    env: { ...process.env, GOBIN: bin, GOFLAGS: '-trimpath' },
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: BUILD_TIMEOUT_MS,
  });
  return path;
}

const cached = (file: string): string | undefined => {
  const path = join(PACKAGE_ROOT, '.cache', file);
  return existsSync(path) ? path : undefined;
};

/**
 * Finds all programs.
 * @throws one sentence for each that is missing, with how to get it
 */
export function findPrograms(say: (text: string) => void): Programs {
  const missing: string[] = [];
  const demand = (name: string, path: string | undefined, how: string): string => {
    if (path === undefined || !existsSync(path)) missing.push(`${name} is missing: ${how}`);
    return path ?? '';
  };
  const programs = {
    prometheus: demand('prometheus', tool('prometheus'), INSTALL_TOOLS),
    alertmanager: demand('alertmanager', tool('alertmanager'), INSTALL_TOOLS),
    git: demand('git', tool('git'), 'install the package git of your system'),
    mlflow: demand(
      'mlflow',
      process.env['MLFLOW'] ?? cached('mlflow-venv/bin/mlflow'),
      '.ci/training-tools mlflow makes its environment',
    ),
    python: demand(
      'Python with what training needs',
      process.env['TRAINING_PYTHON'] ?? cached('training-venv/bin/python'),
      'training/check.sh makes its environment, or name one in TRAINING_PYTHON',
    ),
    s3: missing.length > 0 ? '' : demand('versitygw', s3Server(say), 'Go builds it (https://go.dev/dl)'),
  };
  if (missing.length > 0) throw new Error(missing.join('\n'));
  return programs;
}
