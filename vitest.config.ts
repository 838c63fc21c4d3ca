import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['service/**/*.test.ts', 'loadtest/**/*.test.ts'],
    globalSetup: ['service/test/support/build.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
