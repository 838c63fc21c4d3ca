import { randomUUID } from 'node:crypto';
import type { Dirent, Stats } from 'node:fs';
import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { IN_USE_MS } from './entry-use.js';

/** A folder of the cache with one model in it; nothing else in there is ever removed to make room. */
const ENTRY = /^sha256(-files)?-[0-9a-f]{64}$/;
const EVICTED = '.evicted-';

export interface EvictedModel {
  /** `sha256:<hex>` or `sha256-files:<hex>` */
  readonly digest: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly usedMs: number;
}

export interface Eviction {
  readonly removed: readonly EvictedModel[];
  /** Of the cache afterwards: models, what is on its way, and what sources last said. */
  readonly bytes: number;
}

async function statsOf(path: string): Promise<Stats | undefined> {
  return lstat(path).catch(() => undefined);
}

/** Bytes of all files below a folder; what goes away meanwhile counts nothing. */
async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((): Dirent[] => []);
  let bytes = 0;
  for (const entry of entries) {
    if (entry.isFile()) bytes += (await statsOf(join(entry.parentPath, entry.name)))?.size ?? 0;
  }
  return bytes;
}

async function modelsIn(folder: string): Promise<(EvictedModel & { path: string })[]> {
  const models = [];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const stats = ENTRY.test(name) ? await statsOf(path) : undefined;
    if (stats?.isDirectory() !== true) continue;
    const digest = name.replace(/-(?=[0-9a-f]{64}$)/, ':');
    models.push({ path, digest, bytes: await bytesBelow(path), usedMs: stats.mtimeMs });
  }
  return models.sort((one, other) => one.usedMs - other.usedMs);
}

/** Takes a model out of sight at once, then off the disk; false where it is in use by now, or someone else did. */
async function remove(folder: string, path: string, nowMs: number): Promise<boolean> {
  const stats = await statsOf(path);
  if (stats === undefined || nowMs - stats.mtimeMs < IN_USE_MS) return false;
  const aside = join(folder, `${EVICTED}${randomUUID()}`);
  try {
    await rename(path, aside);
  } catch {
    return false;
  }
  await rm(aside, { recursive: true, force: true }).catch(() => {});
  return true;
}

/**
 * Removes the models that were longest not used until the cache is within its limit, or all that is left is in use.
 * Safe beside other processes that use, fetch and remove models: a model that they use is stamped, and half a model is
 * never seen.
 * @param reserved names of the folders beside the models that count to the size of the cache
 */
export async function evict(
  folder: string,
  maxBytes: number,
  reserved: readonly string[],
  nowMs: number,
): Promise<Eviction> {
  const models = await modelsIn(folder);
  let bytes = models.reduce((sum, model) => sum + model.bytes, 0);
  for (const name of reserved) bytes += await bytesBelow(join(folder, name));
  const removed: EvictedModel[] = [];
  for (const { path, ...model } of models) {
    if (bytes <= maxBytes) break;
    if (!(await remove(folder, path, nowMs))) continue;
    bytes -= model.bytes;
    removed.push(model);
  }
  return { removed, bytes };
}

/** Removes what a process that ended in the middle of an eviction has left. Returns how many models that were. */
export async function removeHalfEvicted(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const halves = names.filter((name) => name.startsWith(EVICTED));
  for (const name of halves) await rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
  return halves.length;
}
