import { sha256Of } from '../digest.js';
import { checkObjectName } from '../object-name.js';
import { folderOf, type ModelCache, SOURCES } from './model-cache.js';

/** As many as a machine has models, and more; a link with a signature is another source each time. */
const MAX_COPIES = 100;
const FORMAT = 1;

/** What became of a small object: its bytes, or only that it is there, or that it is not. */
export type KeptObject =
  | { readonly state: 'kept'; readonly path: string; readonly sha256: string }
  | { readonly state: 'present' | 'absent' };

/** What a source last said when a model came of it. */
export interface SourceCopy {
  /** Of the model. */
  readonly digest: string;
  /** By the names that they have at the source. */
  readonly objects: ReadonlyMap<string, KeptObject>;
  /** When it last said so, milliseconds since 1970. */
  readonly saidMs: number;
}

interface CopyFile {
  readonly format: typeof FORMAT;
  /** For people who look into the cache. */
  readonly source: string;
  readonly digest: string;
  readonly objects: readonly [name: string, object: KeptObject][];
}

/** Hashed: what tells sources apart may hold the signature of a link. */
function nameOf(identity: string): string {
  return `${sha256Of(identity)}.json`;
}

/** Written by this service alone, where nobody else can write; a later version may do so otherwise. */
function parse(data: Buffer): CopyFile | undefined {
  try {
    const file: CopyFile = JSON.parse(data.toString('utf8'));
    if (file.format !== FORMAT || !/^sha256(-files)?:[0-9a-f]{64}$/.test(file.digest)) return undefined;
    for (const [, object] of file.objects) if (object.state === 'kept') checkObjectName(object.path, SOURCES);
    return file;
  } catch {
    return undefined;
  }
}

/** What this source last said, if the cache knows. */
export async function findCopy(cache: ModelCache, identity: string): Promise<SourceCopy | undefined> {
  const kept = await cache.kept(SOURCES, nameOf(identity));
  const file = kept && parse(kept.data);
  if (file === undefined) return undefined;
  return { digest: file.digest, objects: new Map(file.objects), saidMs: kept?.keptMs ?? 0 };
}

/** Rejects with MODEL_UNAVAILABLE where the cache may not be written and knows something else. */
export async function keepCopy(
  cache: ModelCache,
  source: { readonly identity: string; readonly description: string },
  copy: Pick<SourceCopy, 'digest' | 'objects'>,
): Promise<void> {
  const file: CopyFile = {
    format: FORMAT,
    source: source.description,
    digest: copy.digest,
    objects: [...copy.objects],
  };
  await cache.keep(SOURCES, nameOf(source.identity), Buffer.from(JSON.stringify(file)));
  await cache.keepOnly(SOURCES, MAX_COPIES);
}

/** The bytes of a small object as they were, or undefined where the cache has them no more. */
export async function keptBytes(
  cache: ModelCache,
  digest: string,
  { path, sha256 }: { readonly path: string; readonly sha256: string },
): Promise<Buffer | undefined> {
  const kept = await cache.kept(folderOf(digest), path);
  return kept !== undefined && sha256Of(kept.data) === sha256 ? kept.data : undefined;
}
