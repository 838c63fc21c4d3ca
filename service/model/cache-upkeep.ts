import { messageOf } from '../errors.js';
import type { ModelCache } from './cache/model-cache.js';
import { keepCopy } from './cache/source-copies.js';
import type { Fetch } from './fetch-context.js';
import type { LiveObjects } from './small-objects.js';

/** Removes what processes have left that ended in the middle of something. */
export async function tidy({ options }: Fetch, cache: ModelCache): Promise<void> {
  const removed = await cache.removeLeftovers();
  if (removed > 0) options.logger.info({ files: removed }, 'removed what crashed downloads had left');
}

/** Has the model start without its source the next time. Where the cache may not be written, only a warning says so. */
export async function keepForLater(
  { options, source }: Fetch,
  cache: ModelCache,
  digest: string,
  objects: LiveObjects,
): Promise<void> {
  try {
    await keepCopy(cache, source, { digest, objects: await objects.keepIn(cache, digest) });
  } catch (thrown) {
    options.logger.warn(
      { reason: messageOf(thrown) },
      'cannot keep what the source said: without it this model will not start again',
    );
  }
}

/** Brings the cache within its limit after something came into it. What fails is logged: the model is there. */
export async function makeRoom({ options }: Fetch, cache: ModelCache): Promise<void> {
  const { logger, maxCacheBytes } = options;
  try {
    const { removed, bytes } = await cache.evict(maxCacheBytes);
    for (const { digest, bytes: freed, usedMs } of removed) {
      const lastUsed = new Date(usedMs).toISOString();
      logger.info(
        { digest, bytes: freed, last_used: lastUsed },
        'removed a model from the cache to make room',
      );
    }
    if (bytes <= maxCacheBytes) return;
    logger.warn(
      { bytes, max_bytes: maxCacheBytes },
      'the model cache is over its limit: all in it is in use',
    );
  } catch (thrown) {
    logger.warn({ reason: messageOf(thrown) }, 'cannot make room in the model cache');
  }
}
