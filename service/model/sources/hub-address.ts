import { ServiceError } from '../../errors.js';
import { entryOf } from './source.js';

/** What `hf://org/repo[@revision][/path]` names. */
export interface HubAddress {
  /** `org/repo` */
  readonly repository: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** Empty, or ends with a slash. */
  readonly folder: string;
  readonly entry: string | undefined;
}

const FORM = 'write hf://organisation/repository, hf://organisation/repository@revision or with /path behind';
const NAME = '[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,95})';
/** These revisions hold a slash as they are; in any other it is written %2F. */
const REVISION = 'refs/pr/\\d+|refs/convert/[\\w.-]+|[^/]+';
const ADDRESS = new RegExp(`^hf://(${NAME}/${NAME})(?:@(${REVISION}))?(?:/(.*))?$`, 'is');
/** What git refuses in the name of a branch, and whatever could lead out of a path. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const STRANGE = /[\u0000-\u0020\u007f\\?*[~^:]|\.\.|\/\/|^[./]|\/\.|\/$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const STRANGE_IN_PATH = /[\u0000-\u001f\u007f\\\p{Surrogate}]|%(2e|2f|5c)/iu;

function invalid(what: string): ServiceError {
  return new ServiceError('CONFIG_INVALID', `the model URI ${what}: ${FORM}`);
}

function parseRevision(text: string): string {
  let revision = text;
  try {
    revision = decodeURIComponent(text);
  } catch {
    throw invalid('names a revision that is not percent-encoded text');
  }
  if (STRANGE.test(revision)) throw invalid('names a revision that no branch, tag or commit can have');
  return revision;
}

/** Paths are taken as they stand, not decoded. */
function checkPath(path: string): void {
  const segments = path.replace(/\/$/, '').split('/');
  const isPlain = segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..');
  if (path !== '' && (!isPlain || STRANGE_IN_PATH.test(path))) {
    throw invalid('names a path that is not plain (no . or .., no empty segment, no encoded slash)');
  }
}

/** Throws CONFIG_INVALID for what is no such URI, or could lead out of its repository. */
export function parseHubAddress(uri: string): HubAddress {
  const [, repository, revision = 'main', path = ''] = ADDRESS.exec(uri) ?? [];
  if (repository === undefined || repository.includes('..')) {
    throw invalid('names no repository of the Hugging Face Hub');
  }
  checkPath(path);
  const lastSlash = path.lastIndexOf('/');
  const entry = entryOf(path.slice(lastSlash + 1));
  const folder = path === '' || path.endsWith('/') ? path : `${path}/`;
  return {
    repository,
    revision: parseRevision(revision),
    folder: entry === undefined ? folder : path.slice(0, lastSlash + 1),
    entry,
  };
}
