/** Of each object: attempts that bring nothing, time to the first byte, time without one. */
export const DOWNLOAD_LIMITS = { attempts: 4, responseTimeoutMs: 10_000, stallTimeoutMs: 20_000 } as const;
