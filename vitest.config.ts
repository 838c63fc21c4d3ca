import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'service/**/*.test.ts',
      'loadtest/**/*.test.ts',
      'optimize/**/*.test.ts',
      'bridge/**/*.test.ts',
      'loop/**/*.test.ts',
    ],
    exclude: ['**/node_modules/**', '**/*.slow.test.ts', '**/*.browser.test.ts'],
    globalSetup: ['service/test/support/build.ts'],
    // Most tests wait for processes: two cores serve two files at a time.
    maxWorkers: '100%',
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
