/**
 * What runs where, as Git has it: argocd/environments.yaml names the environments, each with the revision whose manifests it
 * runs, and k8s/release of that revision the image and the model.
 *
 *   environments.ts revision NAME COMMIT   prints the revision that COMMIT names for an environment
 *   environments.ts set NAME REVISION      writes another into the file
 *   environments.ts release COMMIT         prints `version`, `model_uri`, `model_sha256` and `images`
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { isScalar, parse, parseDocument, visit, type YAMLMap } from 'yaml';
import { setOutput } from './output.ts';

const FILE = 'argocd/environments.yaml';
const RELEASE = 'k8s/release/kustomization.yaml';
const MODEL = 'k8s/release/model.env';

export interface Environment {
  readonly name: string;
  /** A commit, or the branch that it follows. */
  readonly revision: string;
}

export interface Release {
  /** Of the service; empty where it is none that was released. */
  readonly version: string;
  /** NAME:TAG@DIGEST. */
  readonly images: readonly string[];
  readonly modelUri: string;
  readonly modelSha256: string;
}

interface ImageEntry {
  readonly name?: string;
  readonly newName?: string;
  readonly newTag?: string | number;
  readonly digest?: string;
}

function fileAt(commit: string, file: string): string {
  const git = (...args: readonly string[]): string => execFileSync('git', args, { encoding: 'utf8' });
  return git('ls-tree', '--name-only', commit, '--', file) === '' ? '' : git('show', `${commit}:${file}`);
}

/** The elements of the ApplicationSet's list. */
function elementsOf(text: string): YAMLMap[] {
  const elements: YAMLMap[] = [];
  visit(parseDocument(text), {
    Map: (_, map) => {
      if (map.has('name') && map.has('revision')) elements.push(map);
    },
  });
  return elements;
}

export function environmentsAt(commit: string): Environment[] {
  const text = (map: YAMLMap, key: string): string => String(map.get(key));
  return elementsOf(fileAt(commit, FILE)).map((map) => ({
    name: text(map, 'name'),
    revision: text(map, 'revision'),
  }));
}

/** The text with another revision of an environment, and not a byte besides. */
export function withRevision(text: string, name: string, revision: string): string {
  const element = elementsOf(text).find((map) => map.get('name') === name);
  if (element === undefined) throw new Error(`${FILE} has no environment ${name}`);
  const scalar = element.get('revision', true);
  if (!isScalar(scalar) || !scalar.range)
    throw new Error(`${FILE}: the revision of ${name} is no single value`);
  const [start, end] = scalar.range;
  // A hash that YAML would take for a number.
  const written = /^[\d.e]+$/.test(revision) ? `'${revision}'` : revision;
  return text.slice(0, start) + written + text.slice(end);
}

export function releaseAt(commit: string): Release {
  const { images = [] } = (parse(fileAt(commit, RELEASE)) ?? {}) as { images?: readonly ImageEntry[] };
  const settings = fileAt(commit, MODEL);
  const setting = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(settings)?.[1]?.trim() ?? '';
  const tag = String(images.find(({ name }) => name === 'cv-inference')?.newTag ?? '');
  return {
    version: /^\d+\.\d+\.\d+/.test(tag) ? tag : '',
    images: images.map(({ name, newName = name, newTag, digest }) => `${newName}:${newTag}@${digest}`),
    modelUri: setting('MODEL_URI'),
    modelSha256: setting('MODEL_SHA256'),
  };
}

function main([command, first = '', second = '']: readonly string[]): void {
  if (command === 'revision') {
    const environment = environmentsAt(second).find(({ name }) => name === first);
    if (environment === undefined) throw new Error(`${FILE} has no environment ${first}`);
    process.stdout.write(`${environment.revision}\n`);
  } else if (command === 'set') {
    writeFileSync(FILE, withRevision(readFileSync(FILE, 'utf8'), first, second));
  } else if (command === 'release') {
    const { version, images, modelUri, modelSha256 } = releaseAt(first);
    setOutput('version', version);
    setOutput('images', images.join(' '));
    setOutput('model_uri', modelUri);
    setOutput('model_sha256', modelSha256);
  } else {
    throw new Error('revision NAME COMMIT, set NAME REVISION or release COMMIT');
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`environments: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
