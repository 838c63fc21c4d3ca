import { defineConfig } from 'vitest/config';

/** Needs a browser: .ci/playground brings one. */
export default defineConfig({
  test: {
    include: ['service/playground/tests/**/*.browser.test.ts', 'loop/*.browser.test.ts'],
    globalSetup: ['service/test/support/build.ts'],
    // One browser at a time, beside the service.
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
