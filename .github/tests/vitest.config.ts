import { defineConfig } from 'vitest/config';

/** Puts real load on this machine, so one file at a time. */
export default defineConfig({
  test: {
    include: ['.github/tests/**/*.test.ts'],
    globalSetup: ['service/test/support/build.ts'],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 60_000,
  },
});
