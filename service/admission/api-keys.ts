import { createHash, timingSafeEqual } from 'node:crypto';
import { ServiceError } from '../errors.js';

/** Wrong keys that one address may try in a window; beyond it the answer is RATE_LIMITED. */
const MAX_WRONG_KEYS = 20;
const WINDOW_MS = 60_000;
/** Addresses that are remembered at once; the oldest is forgotten first. */
const MAX_ADDRESSES = 10_000;

interface Tries {
  count: number;
  readonly until: number;
}

/** The keys that open the API, kept only as digests. Several at once let them be rotated. */
export class ApiKeys {
  readonly #digests: readonly Buffer[];
  readonly #wrong = new Map<string, Tries>();

  constructor(keys: readonly string[]) {
    this.#digests = keys.map(digest);
  }

  get required(): boolean {
    return this.#digests.length > 0;
  }

  /**
   * Takes as long for a near miss as for any other.
   * Throws UNAUTHORIZED unless the key is one of them, and RATE_LIMITED instead where the address has tried too many.
   * A right key opens from any address: others behind the same proxy may be the ones who guess.
   */
  check(key: string | undefined, address: string): void {
    if (!this.required) return;
    if (key === undefined) {
      throw new ServiceError(
        'UNAUTHORIZED',
        'An API key is needed: Authorization: Bearer <key> or X-API-Key: <key>.',
      );
    }
    if (!this.#isKnown(key)) throw this.#refusal(address);
  }

  /** Who a rate limit counts: the key where keys are checked, else the address. Never shows the key itself. */
  clientOf(key: string | undefined, address: string): string {
    return key === undefined || !this.required ? address : digest(key).toString('base64url');
  }

  #isKnown(key: string): boolean {
    const candidate = digest(key);
    let known = false;
    for (const expected of this.#digests) known = timingSafeEqual(expected, candidate) || known;
    return known;
  }

  #refusal(address: string): ServiceError {
    const tries = this.#triesOf(address);
    tries.count += 1;
    if (tries.count <= MAX_WRONG_KEYS)
      return new ServiceError('UNAUTHORIZED', 'The API key is not known here.');
    const retryAfterSeconds = Math.max(1, Math.ceil((tries.until - performance.now()) / 1000));
    return new ServiceError('RATE_LIMITED', 'Too many wrong API keys came from this address.', {
      retryAfterSeconds,
    });
  }

  #triesOf(address: string): Tries {
    const now = performance.now();
    const known = this.#wrong.get(address);
    if (known !== undefined && known.until > now) return known;
    const fresh = { count: 0, until: now + WINDOW_MS };
    this.#wrong.delete(address);
    this.#wrong.set(address, fresh);
    const [oldest] = this.#wrong.keys();
    if (this.#wrong.size > MAX_ADDRESSES && oldest !== undefined) this.#wrong.delete(oldest);
    return fresh;
  }
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
