/**
 * Says which jobs of ci.yml a change needs: `changes.ts [BASE]` compares with BASE; without one, everything is needed.
 * Needs Node alone, so that it can run before anything is installed.
 */
import { execFileSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { setOutput } from './output.ts';

const PACKAGES = /^(package(-lock)?\.json|\.npmrc|tsconfig(\.build)?\.json)$/;

/** The jobs of ci.yml that run only for some files, and those files. */
export const AREAS = {
  test: [/^(service|loadtest|optimize|bridge|loop|infrastructure)\//, /^vitest\.config\.ts$/, PACKAGES],
  manifests: [/^(k8s|argocd|service|bridge|dashboard|docs\/runbooks)\//, /^\.ci\/manifests$/, PACKAGES],
  pipelines: [
    /^(\.github|\.ci|loadtest|k8s|argocd|service|dashboard)\//,
    /^(Jenkinsfile|Makefile)$/,
    /\.sh$/,
    PACKAGES,
  ],
  training: [
    /^(training|loop)\//,
    /^service\/(models|model\/sources|capture)\//,
    /^infrastructure\/(modules\/(bucket|mlflow|storage)|tests)\//,
    /^docs\/images\/digit-finder/,
    /^\.ci\/(training-tools|training-image|strict-s3|infrastructure)$/,
  ],
  infrastructure: [/^infrastructure\//, /^\.ci\/infrastructure$/],
  ansible: [/^infrastructure\/(ansible|tests)\//, /^k8s\/tests\/tools\//, /^\.ci\/ansible$/],
  parity: [/^service\/(?!models\/)/, /^\.ci\/parity$/, PACKAGES],
  container: [/^(service|bridge)\//, /^(Dockerfile|\.dockerignore|LICENSE)$/, /^\.ci\/container$/, PACKAGES],
  cuda: [/^service\/inference\/cuda\//, /^(Dockerfile|\.ci\/cuda)$/, /^package-lock\.json$/],
  playground: [
    /^service\/(playground|http|tasks|models|test\/support)\//,
    /^loop\/(page|chart)/,
    /^\.ci\/(playground|browser)$/,
    PACKAGES,
  ],
  dashboard: [
    /^(dashboard|k8s\/(components\/deployment-dashboard|tests\/support)|service\/(playground|telemetry))\//,
    /^service\/(config-fields|errors|signals|http\/static-files)\.ts$/,
    /^bridge\/token-file\.ts$/,
    /^\.ci\/(dashboard|dashboard-image|engine|browser)$/,
    /^\.dockerignore$/,
    PACKAGES,
  ],
  codeql: [/\.([cm]?[jt]s|py)$/, /^\.github\/(workflows|actions)\//],
} as const satisfies Readonly<Record<string, readonly RegExp[]>>;

export type Area = keyof typeof AREAS;
const ALL = Object.keys(AREAS) as readonly Area[];

/** Whoever changes what decides gets everything. */
const DECIDERS = /^\.github\/(workflows\/ci\.yml|actions\/|scripts\/(changes|gate|output)\.ts)/;
/** Held by the job `check`, which always runs. */
const CHECKED_ALWAYS = /\.md$|^(LICENSE|biome\.json|\.editorconfig|\.gitignore|\.gitattributes)$/;

/** The areas that the files touch. A file that nobody has thought of touches all. */
export function areasOf(files: readonly string[]): ReadonlySet<Area> {
  return new Set(files.flatMap(areasOfFile));
}

function areasOfFile(file: string): readonly Area[] {
  if (DECIDERS.test(file)) return ALL;
  const touched = ALL.filter((area) => AREAS[area].some((pattern) => pattern.test(file)));
  return touched.length > 0 || CHECKED_ALWAYS.test(file) ? touched : ALL;
}

function changedFiles(base: string): string[] {
  // Without renames a file that moves counts at both ends.
  const names = execFileSync('git', ['diff', '--name-only', '--no-renames', '-z', `${base}...HEAD`], {
    encoding: 'utf8',
  });
  return names.split('\0').filter((name) => name !== '');
}

function main(base: string | undefined): void {
  const needed = base === undefined || base === '' ? new Set(ALL) : areasOf(changedFiles(base));
  for (const area of ALL) setOutput(area, String(needed.has(area)));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv[2]);
